/** A name as an id that is not taken: letters of ASCII, or `room_2`. */
export function newId(name: string, kind: string, taken: readonly string[]): string {
  const base =
    name
      .normalize("NFKD")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "_")
      .replace(/^_+|_+$/g, "")
      .slice(0, 40) || kind;
  for (let number = base === kind ? 1 : 0; ; number++) {
    const id = number === 0 ? base : `${base}_${number}`;
    if (!taken.includes(id)) return id;
  }
}
