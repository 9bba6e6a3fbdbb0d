/** A square to draw on, with a mouse, a finger or a pen. */

import type { Child } from "hono/jsx";
import { useEffect, useRef } from "hono/jsx/dom";

/** A line, as points from 0 to 1 in both directions. */
export type Stroke = readonly (readonly [x: number, y: number])[];

/** The resolution of the square, in pixels, and the width of a line as a part of it. */
const SIZE = 560;
const WIDTH = 0.06;

/** The most points of a drawing; more would make each stroke slower than the last. */
const MAX_POINTS = 20_000;

/** The label of the square, and the function to call after each stroke. */
export interface CanvasProps {
  readonly label: string;
  /** Called after each stroke, and with nothing when the square is cleared. */
  readonly onDraw: (strokes: readonly Stroke[]) => void;
  /** Shown beside the square. */
  readonly children?: Child;
}

/** The square, with buttons that take back the last stroke or all of them. */
export function Canvas({ label, onDraw, children }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const strokes = useRef<[number, number][][]>([]);
  const drawing = useRef(false);
  useEffect(() => {
    const colors = matchMedia("(prefers-color-scheme: dark)");
    const again = () => canvas.current !== null && paint(canvas.current, strokes.current!);
    colors.addEventListener("change", again);
    return () => colors.removeEventListener("change", again);
  }, []);
  const change = (changed: [number, number][][]) => {
    strokes.current = changed;
    paint(canvas.current!, changed);
    onDraw(changed);
  };
  const pointOf = (event: PointerEvent): [number, number] => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  };
  const begin = (event: PointerEvent) => {
    if (event.button !== 0 || strokes.current!.flat().length > MAX_POINTS) return;
    event.preventDefault();
    canvas.current!.setPointerCapture(event.pointerId);
    drawing.current = true;
    strokes.current!.push([pointOf(event)]);
    paint(canvas.current!, strokes.current!);
  };
  const move = (event: PointerEvent) => {
    if (!drawing.current) return;
    const points = event.getCoalescedEvents?.() ?? [];
    for (const point of points.length > 0 ? points : [event]) strokes.current!.at(-1)!.push(pointOf(point));
    paint(canvas.current!, strokes.current!);
  };
  const end = () => {
    if (!drawing.current) return;
    drawing.current = false;
    onDraw(strokes.current!);
  };
  return (
    <div class="draw">
      <div class="draw-main">
        <p class="draw-label">{label}</p>
        <canvas
          ref={canvas}
          class="draw-canvas"
          width={SIZE}
          height={SIZE}
          role="img"
          aria-label={`${label}, with a mouse, a finger or a pen`}
          onPointerDown={begin}
          onPointerMove={move}
          onPointerUp={end}
          onPointerCancel={end}
        />
      </div>
      <div class="draw-side">
        {children}
        <div class="draw-buttons">
          <button type="button" onClick={() => change(strokes.current!.slice(0, -1))}>Undo</button>
          <button type="button" onClick={() => change([])}>Clear</button>
        </div>
      </div>
    </div>
  );
}

/** Draws lines on a canvas, in the colour of its text. */
export function paint(canvas: HTMLCanvasElement, strokes: readonly Stroke[], color?: string): void {
  const context = canvas.getContext("2d")!;
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  context.strokeStyle = context.fillStyle = color ?? getComputedStyle(canvas).color;
  context.lineWidth = WIDTH * width;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) trace(context, stroke.map(([x, y]) => [x * width, y * height]));
}

/** Draws one line, or a dot if it has one point. */
export function trace(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  stroke: readonly (readonly [number, number])[] | readonly number[][],
): void {
  context.beginPath();
  for (const [index, [x = 0, y = 0]] of stroke.entries()) {
    if (index === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
  // A line of zero length still has round ends, which make a dot.
  if (stroke.length === 1) context.lineTo(stroke[0]![0]!, stroke[0]![1]!);
  context.stroke();
}
