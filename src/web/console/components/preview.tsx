/** Shows a picture, audio or video that is in memory. */

import { useEffect, useState } from "hono/jsx/dom";

/** Returns a URL of bytes in memory, which is valid while the component is shown. */
function useBlobUrl(blob: Blob): string | undefined {
  const [url, setUrl] = useState<string | undefined>(undefined);
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}

/** Shows bytes as a picture, audio or video, by their type; renders nothing for other types. */
export function Preview({ blob, type, name }: { blob: Blob; type: string; name: string }) {
  const url = useBlobUrl(blob);
  if (url === undefined) return null;
  if (/^image\//i.test(type)) return <img class="media" src={url} alt={name} />;
  if (/^audio\//i.test(type)) return <audio class="media" src={url} controls />;
  if (/^video\//i.test(type)) return <video class="media" src={url} controls playsinline />;
  return null;
}
