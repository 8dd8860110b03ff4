/** PM2.5 in words: upper ends of the classes of HJ 633-2012 in μg/m³, the last one open. */
const ENDS = [35, 75, 115, 150] as const;
export const AIR = ["fine", "good", "light", "medium", "heavy"] as const;

/** The class of a reading, 0 the best. */
export function airOf(pm25: number): number {
  const found = ENDS.findIndex((end) => pm25 <= end);
  return found === -1 ? ENDS.length : found;
}
