/** Makes a certificate for servers under test. */

/**
 * Writes `cert.pem` and `key.pem` to a folder, for 127.0.0.1 and localhost.
 *
 * @returns false if openssl is missing
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
