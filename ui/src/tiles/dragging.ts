/**
 * A tile as a slider for fingers. It lies over a real range input, which keys and screen readers use; a drag moves the
 * value with the finger instead of jumping to it, scrolling stays possible, and a long press is something else.
 */
export interface Drag {
  lowest: number;
  highest: number;
  step: number;
  now: () => number;
  enabled: () => boolean;
  move: (value: number) => void;
  settle: (value: number) => void;
  pressed: () => void;
}

const MOVED = 6; // pixels that make a drag of a press
const LONG = 500; // milliseconds

export function dragging(drag: Drag): (element: HTMLElement) => () => void {
  const fitted = (value: number): number => {
    const step = drag.step || 1;
    const steps = Math.round((value - drag.lowest) / step);
    return Math.min(drag.highest, Math.max(drag.lowest, Number((drag.lowest + steps * step).toFixed(6))));
  };
  return (element) => {
    let from: { x: number; y: number; value: number; pointer: number } | null = null;
    let sliding = false;
    let value = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const span = drag.highest - drag.lowest;

    const ended = (): void => {
      clearTimeout(timer);
      from = null;
      sliding = false;
    };
    const down = (event: PointerEvent): void => {
      if (event.button !== 0 || !event.isPrimary) return;
      from = { x: event.clientX, y: event.clientY, value: drag.now(), pointer: event.pointerId };
      value = from.value;
      timer = setTimeout(() => {
        ended();
        drag.pressed();
      }, LONG);
    };
    const moved = (event: PointerEvent): void => {
      if (from === null || event.pointerId !== from.pointer) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!sliding) {
        if (Math.abs(dy) > MOVED && Math.abs(dy) > Math.abs(dx)) return ended();
        if (Math.abs(dx) <= MOVED || !drag.enabled()) return;
        clearTimeout(timer);
        sliding = true;
        element.setPointerCapture(from.pointer);
      }
      const wanted = fitted(from.value + (dx / element.clientWidth) * span);
      if (wanted === value && sliding) return;
      value = wanted;
      drag.move(value);
    };
    const up = (event: PointerEvent): void => {
      if (from === null) return;
      if (sliding) drag.settle(value);
      else if (drag.enabled()) {
        const box = element.getBoundingClientRect();
        drag.settle(fitted(drag.lowest + ((event.clientX - box.left) / box.width) * span));
      }
      ended();
    };
    const cancelled = (): void => {
      if (sliding) drag.settle(value);
      ended();
    };
    const still = (event: Event): void => event.preventDefault();
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", moved);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", cancelled);
    element.addEventListener("contextmenu", still);
    return () => {
      clearTimeout(timer);
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", moved);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", cancelled);
      element.removeEventListener("contextmenu", still);
    };
  };
}
