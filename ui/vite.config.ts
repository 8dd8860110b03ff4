import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const hub = process.env["SETARIA_HUB"] ?? "http://127.0.0.1:8080";

/** `import lamp from "lucide-static/icons/lamp.svg?icon"` gives what stands inside the <svg>, and nothing else. */
function icons(): Plugin {
  return {
    name: "icons",
    enforce: "pre",
    async resolveId(source, importer) {
      if (!source.endsWith(".svg?icon")) return null;
      const found = await this.resolve(source.slice(0, -"?icon".length), importer, { skipSelf: true });
      return found === null ? null : `${found.id}?icon`;
    },
    load(id) {
      if (!id.endsWith(".svg?icon")) return null;
      const svg = readFileSync(id.slice(0, -"?icon".length), "utf8");
      const inner = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(svg)?.[1] ?? "";
      return `export default ${JSON.stringify(inner.replace(/\s+/g, " ").trim())};`;
    },
  };
}

/** What goes into one file, by the modules that need it: many small files cost more than they save. */
const TOGETHER: readonly [name: string, first: readonly string[]][] = [
  ["home", ["main.ts", "pages/home/HomePage.svelte"]],
];
const gathered = new Map<string, string>();

/** The file of a module, found by following what the first ones import. */
function fileOf(id: string, infoOf: (id: string) => { importedIds: readonly string[] } | null): string | null {
  if (gathered.size === 0)
    for (const [name, first] of TOGETHER) {
      const left = first.map((each) => here(`./src/${each}`));
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        if (gathered.has(next)) continue;
        gathered.set(next, name);
        left.push(...(infoOf(next)?.importedIds ?? []));
      }
    }
  return gathered.get(id) ?? null;
}

/** Fills in what the service worker fetches ahead: the page, and what Home needs of the bundle. */
function shell(): Plugin {
  return {
    name: "shell",
    enforce: "post",
    generateBundle(_, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("the service worker was not built");
      const chunks = Object.values(bundle).filter((each) => each.type === "chunk");
      const wanted = new Set<string>();
      const take = (name: string): void => {
        const chunk = chunks.find((each) => each.fileName === name);
        if (chunk === undefined || wanted.has(name)) return;
        wanted.add(name);
        for (const style of (chunk as { viteMetadata?: { importedCss?: Set<string> } }).viteMetadata?.importedCss ?? [])
          wanted.add(style);
        chunk.imports.forEach(take);
      };
      for (const chunk of chunks)
        if (chunk.name === "index" || chunk.name === "home" || chunk.name === "HomePage" || /^ui(_home)?\.(en|zh-CN)$/.test(chunk.name))
          take(chunk.fileName);
      const fonts = Object.keys(bundle).filter((name) => name.endsWith(".woff2"));
      const paths = ["index.html", ...[...wanted, ...fonts].sort()].map((name) => `/${name}`);
      const build = createHash("sha256").update(paths.join()).digest("hex").slice(0, 12);
      worker.code = worker.code.replace(/\b__SHELL__\b/g, JSON.stringify(paths)).replace(/\b__BUILD__\b/g, JSON.stringify(build));
    },
  };
}

/** Brotli beside each file that is worth it: the hub serves it as it is, and need not be able to make it. */
function brotli(): Plugin {
  return {
    name: "brotli",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        for (const each of Object.values(bundle)) {
          if (!/\.(js|css|html)$/.test(each.fileName)) continue;
          const plain = Buffer.from(each.type === "chunk" ? each.code : each.source);
          if (plain.length < 800) continue;
          const source = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
          this.emitFile({ type: "asset", fileName: `${each.fileName}.br`, source });
        }
      },
    },
  };
}

export default defineConfig({
  plugins: [icons(), svelte(), shell(), brotli()],
  resolve: { alias: { "@": here("./src"), "@words": here("../src/setaria/words") } },
  // The hub answers to its own name and its own pages alone: the requests of these pass as such.
  server: { proxy: { "/api": { target: hub, changeOrigin: true, headers: { origin: hub } } }, fs: { allow: [here("."), here("../src/setaria/words")] } },
  build: {
    outDir: here("../src/setaria/web/static"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the pages' Content-Security-Policy lets nothing be inline
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rollupOptions: {
      input: { index: here("./index.html"), sw: here("./src/worker/sw.ts") },
      output: {
        codeSplitting: {
          groups: [{ debugName: "together", name: (id, context) => fileOf(id, (each) => context.getModuleInfo(each)) }],
        },
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
