/** A picture as the body: drawn, or taken by the camera. */

import { useState } from "hono/jsx/dom";
import { Preview } from "../../components/preview.tsx";
import { useStore } from "../../store.ts";
import { draft, takePicture } from "../draft.ts";
import { formatBytes } from "../../format.ts";
import { Camera, hasCamera } from "./camera.tsx";
import { Canvas, paint, type Stroke } from "./canvas.tsx";

/** The width and the height of a drawn picture, in pixels. */
const SIDE = 256;

/** A canvas whose drawing becomes a PNG, and a camera where the browser offers one. */
export function PictureField() {
  const { picture } = useStore(draft);
  const [camera, setCamera] = useState(false);
  const draw = async (strokes: readonly Stroke[]) => {
    if (strokes.length === 0) draft.patch({ picture: undefined });
    else takePicture(await drawn(strokes), "drawing.png");
  };
  return (
    <div class="picture">
      {camera
        ? <Camera onClose={() => setCamera(false)} />
        : (
          <Canvas label="Draw a picture" onDraw={(strokes) => void draw(strokes)}>
            {picture !== undefined && (
              <figure class="seen">
                <Preview blob={picture.blob} type="image/png" name={picture.name} />
                <figcaption class="note">{picture.name}, {formatBytes(picture.blob.size)}</figcaption>
              </figure>
            )}
          </Canvas>
        )}
      {!camera && hasCamera() && (
        <button type="button" class="quiet" onClick={() => setCamera(true)}>Use the camera instead</button>
      )}
    </div>
  );
}

/** A PNG of a drawing: black on white. */
async function drawn(strokes: readonly Stroke[]): Promise<Blob> {
  const ink = document.createElement("canvas");
  ink.width = ink.height = SIDE;
  paint(ink, strokes, "#000");
  const whole = new OffscreenCanvas(SIDE, SIDE);
  const context = whole.getContext("2d")!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIDE, SIDE);
  context.drawImage(ink, 0, 0);
  return await whole.convertToBlob({ type: "image/png" });
}
