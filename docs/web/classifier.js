/** A checkpoint's light.onnx under onnxruntime-web, with the scores of glove_lstm.LightClassifier. */

import { Tokenizer } from "./tokenizer.js";

// The graph, and the file from which it reads its large weights.
const GRAPH = "light.onnx";
const WEIGHTS = "model.safetensors";

const ROWS = 32; // that are computed at once, so that the page can be drawn in between
export const MOST_WORDS = 200; // whose effect is measured: each needs one more run of the model

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
    const json = (name) => fetched(url(name)).then((response) => response.json());
    const [config, tokenizer, options, metrics, graph, weights, ort] = await Promise.all([
      json("config.json"),
      json("tokenizer.json"),
      json("tokenizer_config.json"),
      json("metrics.json").catch(() => ({})), // a checkpoint need not have it
      fetched(url(GRAPH)).then((response) => response.arrayBuffer()),
      download(url(WEIGHTS), onProgress),
      loadRuntime(),
    ]);
    const session = await ort.InferenceSession.create(graph, {
      externalData: [{ path: WEIGHTS, data: weights }],
    });
    const unsureBelow = metrics.validation?.suggested_threshold?.threshold ?? 0;
    return new Classifier(config, new Tokenizer(tokenizer, options), session, ort.Tensor, unsureBelow);
  }

  constructor(config, tokenizer, session, Tensor, unsureBelow) {
    Object.assign(this, { tokenizer, session, Tensor, unsureBelow });
    const names = config.id2label ?? { 0: "LABEL_0", 1: "LABEL_1" }; // transformers leaves its default names out
    this.labels = Object.keys(names).sort((a, b) => a - b).map((key) => names[key]);
    this.isMultiLabel = config.problem_type === "multi_label_classification" || this.labels.length === 1;
  }

  /** Return a text's score for each label. The temperature is in the ONNX file. */
  async scores(text) {
    const [logits] = await this.#logits([this.tokenizer.read(text)]);
    if (this.isMultiLabel) return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    const highest = Math.max(...logits);
    const odds = logits.map((logit) => Math.exp(logit - highest));
    const sum = odds.reduce((a, b) => a + b);
    return odds.map((value) => value / sum);
  }

  /**
   * Return what each of the first words adds: how much the lead of the best label over the next one shrinks without it.
   *
   * The lead is a difference of logits; if a text may have several labels, it is the logit of the best one.
   */
  async effects(text) {
    const tokens = this.tokenizer.read(text);
    const [whole] = await this.#logits([tokens]);
    const order = [...whole.keys()].sort((a, b) => whole[b] - whole[a]);
    const [best, next] = order;
    const lead = (logits) => logits[best] - (this.isMultiLabel ? 0 : logits[next]);
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
    }
    return effects;
  }

  /** Return the logits of rows of tokens, all of the same length. */
  async #logits(rows) {
    const count = rows[0].ids.length;
    const length = Math.max(1, count); // an empty text is one masked position
    const feeds = {};
    for (const name of this.session.inputNames) {
      const values = new BigInt64Array(rows.length * length);
      rows.forEach(({ ids, types }, row) => {
        for (let position = 0; position < count; position++) {
          const value = { input_ids: ids[position], attention_mask: 1, token_type_ids: types[position] }[name];
          values[row * length + position] = BigInt(value);
        }
      });
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

/** Return the bytes of a large file. Without its size, or of a compressed answer, there is no progress to report. */
async function download(url, onProgress) {
  const response = await fetched(url);
  const size = Number(response.headers.get("Content-Length"));
  if (!size || response.headers.get("Content-Encoding")) return response.arrayBuffer();
  const bytes = new Uint8Array(size);
  let arrived = 0;
  for await (const part of parts(response.body)) {
    bytes.set(part, arrived);
    arrived += part.length;
    onProgress(arrived / size);
  }
  if (arrived < size) throw new Error(`${url} ended after ${arrived} of ${size} bytes`);
  return bytes;
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

async function fetched(url, options) {
  const response = await fetch(url, options).catch((error) => {
    throw new Error(`${url} cannot be loaded (${error.message})`);
  });
  if (!response.ok) throw new Error(`${url} cannot be loaded (status ${response.status})`);
  return response;
}
