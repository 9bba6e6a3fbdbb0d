/** A certificate for servers that are measured. */

/**
 * Makes `cert.pem` and `key.pem` in a folder, for 127.0.0.1 and localhost.
 *
 * @returns whether there is an openssl for it
 */
export async function makeCertificate(folder: string): Promise<boolean> {
  try {
    // deno-fmt-ignore
    const { success } = await new Deno.Command("openssl", { args: [
      "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
      "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
      "-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`,
    ], stdout: "null", stderr: "null" }).output();
    return success;
  } catch {
    return false;
  }
}
