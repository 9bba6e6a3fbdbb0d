/** Takes a picture with the camera. */

import { useEffect, useRef, useState } from "hono/jsx/dom";
import { takePicture } from "../draft.ts";

/** Whether the browser lets this page ask for a camera: it does on localhost, and with TLS. */
export function hasCamera(): boolean {
  return navigator.mediaDevices?.getUserMedia !== undefined;
}

/** The camera's live picture, and a button that takes it. The camera is off when this is not shown. */
export function Camera({ onClose }: { onClose: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    let stream: MediaStream | undefined;
    let closed = false;
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).then(async (found) => {
      stream = found;
      if (closed || video.current === null) return found.getTracks().forEach((track) => track.stop());
      video.current.srcObject = found;
      await video.current.play();
    }).catch((error) => setFault(`The camera can't be used: ${error instanceof Error ? error.message : error}`));
    return () => {
      closed = true;
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, []);
  const take = async () => {
    const { videoWidth, videoHeight } = video.current!;
    if (videoWidth === 0) return;
    const canvas = new OffscreenCanvas(videoWidth, videoHeight);
    canvas.getContext("2d")!.drawImage(video.current!, 0, 0);
    takePicture(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 }), "photo.jpg");
    onClose();
  };
  return (
    <div class="camera">
      {fault === ""
        ? <video ref={video} class="media" muted playsinline aria-label="The camera's picture" />
        : <p class="error" role="alert">{fault}</p>}
      <div class="draw-buttons">
        <button type="button" disabled={fault !== ""} onClick={() => void take()}>Take the picture</button>
        <button type="button" onClick={onClose}>Back to drawing</button>
      </div>
    </div>
  );
}
