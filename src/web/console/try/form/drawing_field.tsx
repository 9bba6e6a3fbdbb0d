/** A drawing as a list of pixels: what the visitor draws, and what the model gets of it. */

import { useEffect, useRef } from "hono/jsx/dom";
import { Canvas, type Stroke } from "../picture/canvas.tsx";
import { pixelsOf } from "../picture/pixels.ts";
import { rangeOf, type Schema, sideOf } from "./schema.ts";

/** The value of a drawing, and the function to call after a stroke. */
export interface DrawingProps {
  readonly schema: Schema;
  readonly label: string;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  readonly onDrawn: () => void;
}

/** A canvas, and beside it the pixels. */
export function DrawingField({ schema, label, value, onChange, onDrawn }: DrawingProps) {
  const side = sideOf(schema)!;
  const range = rangeOf(schema);
  const seen = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (seen.current !== null) showPixels(seen.current, value, side, range);
  }, [value, side]);
  const draw = (strokes: readonly Stroke[]) => {
    onChange(pixelsOf(strokes, side, range));
    if (strokes.length > 0) onDrawn();
  };
  return (
    <div class="drawing">
      <Canvas label={label} onDraw={draw}>
        <figure class="seen">
          <canvas
            ref={seen}
            width={side}
            height={side}
            role="img"
            aria-label={`The drawing as ${side} by ${side} pixels`}
          />
          <figcaption class="note">What the model gets</figcaption>
        </figure>
      </Canvas>
    </div>
  );
}

/** Paints pixels in the text's colour on a transparent canvas. */
function showPixels(
  canvas: HTMLCanvasElement,
  value: unknown,
  side: number,
  [background, ink]: readonly [number, number],
): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.clearRect(0, 0, side, side);
  if (!Array.isArray(value) || value.length !== side * side) return;
  context.fillStyle = getComputedStyle(canvas).color;
  for (const [index, pixel] of value.entries()) {
    context.globalAlpha = Math.min(1, Math.max(0, (Number(pixel) - background) / (ink - background) || 0));
    context.fillRect(index % side, Math.floor(index / side), 1, 1);
  }
}
