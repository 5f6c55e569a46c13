/** A checkpoint's light.onnx under onnxruntime-web, with the scores of glove_lstm.LightClassifier. */

import { Tokenizer } from "./tokenizer.js";

// The graph, and the file from which it reads its large weights.
const GRAPH = "light.onnx";
const WEIGHTS = "model.safetensors";

const ROWS = 32; // that are computed at once
const MOST_WORDS = 200; // whose effect is measured: each needs one more run of the model

// The browser refuses other contents than these. docs/predict.md shows how to make the hashes of another version.
const RUNTIME = "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/";
const HASHES = {
  "ort.wasm.bundle.min.mjs": "sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG",
  "ort-wasm-simd-threaded.wasm": "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
};

export class Classifier {
  /**
   * Load the files of a checkpoint from a URL that ends in "/".
   *
   * `onProgress` is called with the share that has arrived, from 0 to 1.
   */
  static async load(base, onProgress = () => {}) {
    const url = (name) => new URL(name, base);
    const json = (name, options) => fetched(url(name), options).then((response) => response?.json());
    const [config, tokenizer, options, metrics, graph, weights, ort] = await Promise.all([
      json("config.json"),
      json("tokenizer.json"),
      json("tokenizer_config.json"),
      json("metrics.json", { mayBeMissing: true }),
      fetched(url(GRAPH)).then((response) => response.arrayBuffer()),
      download(url(WEIGHTS), onProgress),
      loadRuntime(),
    ]);
    const session = await ort.InferenceSession.create(graph, {
      externalData: [{ path: WEIGHTS, data: weights }],
    });
    const unsureBelow = metrics?.validation?.suggested_threshold?.threshold ?? 0;
    return new Classifier(config, new Tokenizer(tokenizer, options), session, ort.Tensor, unsureBelow);
  }

  constructor(config, tokenizer, session, Tensor, unsureBelow) {
    Object.assign(this, { tokenizer, session, Tensor, unsureBelow });
    const names = config.id2label ?? { 0: "LABEL_0", 1: "LABEL_1" }; // transformers leaves its default names out
    this.labels = Object.keys(names).sort((a, b) => a - b).map((key) => names[key]);
    const isForOneLabel = (config.problem_type ?? "single_label_classification") === "single_label_classification";
    if (!isForOneLabel || this.labels.length < 2)
      throw new Error("this page shows only models that choose one of several labels for a text");
  }

  /** Return a text's score for each label. The temperature is in the ONNX file. */
  async scores(text) {
    const [logits] = await this.#logits([this.tokenizer.read(text)]);
    const highest = Math.max(...logits);
    const odds = logits.map((logit) => Math.exp(logit - highest));
    const sum = odds.reduce((a, b) => a + b);
    return odds.map((value) => value / sum);
  }

  /**
   * Return the effect of each of the first words: how much smaller the lead (logit of the best label minus that of the
   * next) is without it. Also return `read` and `total`: how many tokens the model reads, and how many the text has.
   */
  async effects(text) {
    const tokens = this.tokenizer.read(text);
    const [whole] = await this.#logits([tokens]);
    const [best, next] = [...whole.keys()].sort((a, b) => whole[b] - whole[a]);
    const lead = (logits) => logits[best] - logits[next];
    const words = Math.min(tokens.ids.length, MOST_WORDS);
    const effects = [];
    for (let first = 0; first < words; first += ROWS) {
      const last = Math.min(first + ROWS, words);
      const rows = [];
      for (let word = first; word < last; word++) rows.push(without(tokens, word));
      for (const logits of await this.#logits(rows)) {
        const [begin, end] = tokens.spans[effects.length];
        effects.push({ begin, end, effect: lead(whole) - lead(logits) });
      }
      await new Promise((resolve) => setTimeout(resolve)); // lets the browser draw
    }
    return { effects, read: tokens.ids.length, total: tokens.total };
  }

  /** Return the logits of rows of tokens, all of the same length. */
  async #logits(rows) {
    const count = rows[0].ids.length;
    const length = Math.max(1, count); // an empty text is one masked position
    const columns = {
      input_ids: ({ ids }) => ids,
      attention_mask: ({ ids }) => ids.map(() => 1),
      token_type_ids: ({ types }) => types,
    };
    const feeds = {};
    for (const name of this.session.inputNames) {
      const values = new BigInt64Array(rows.length * length);
      rows.forEach((tokens, row) => values.set(columns[name](tokens).map(BigInt), row * length));
      feeds[name] = new this.Tensor("int64", values, [rows.length, length]);
    }
    const { data } = (await this.session.run(feeds)).logits;
    const labels = this.labels.length;
    return rows.map((_, row) => [...data.slice(row * labels, (row + 1) * labels)]);
  }
}

/** Return tokens without one of them. */
function without({ ids, types }, word) {
  return { ids: ids.toSpliced(word, 1), types: types.toSpliced(word, 1) };
}

async function loadRuntime() {
  const [module, wasm] = await Promise.all(
    Object.entries(HASHES).map(([name, integrity]) => fetched(RUNTIME + name, { integrity })),
  );
  const script = new Blob([await module.text()], { type: "text/javascript" });
  const ort = await import(URL.createObjectURL(script));
  ort.env.wasm.wasmBinary = await wasm.arrayBuffer();
  ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
  return ort;
}

/** Return the bytes of a large file. Of a compressed answer, the progress is a guess. */
async function download(url, onProgress) {
  const response = await fetched(url);
  const size = Number(response.headers.get("Content-Length"));
  const chunks = [];
  let arrived = 0;
  for await (const chunk of parts(response.body)) {
    chunks.push(chunk);
    arrived += chunk.length;
    if (size) onProgress(Math.min(1, arrived / size));
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Yield the parts of a stream; not every browser lets one loop over it. */
async function* parts(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** Return the answer for a URL; undefined if there is no such file and it may be missing. */
async function fetched(url, { mayBeMissing = false, ...options } = {}) {
  const response = await fetch(url, options).catch((error) => {
    throw new Error(`${url} cannot be loaded (${error.message})`);
  });
  if (mayBeMissing && response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${url} cannot be loaded (status ${response.status})`);
  return response;
}
