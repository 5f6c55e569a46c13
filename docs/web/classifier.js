/** A checkpoint's light.onnx under onnxruntime-web, with the scores of glove_lstm.LightClassifier. */

import { Tokenizer } from "./tokenizer.js";

// The graph, and the file from which it reads its large weights.
const GRAPH = "light.onnx";
const WEIGHTS = "model.safetensors";

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
    const [config, tokenizer, options, graph, weights, ort] = await Promise.all([
      json("config.json"),
      json("tokenizer.json"),
      json("tokenizer_config.json"),
      fetched(url(GRAPH)).then((response) => response.arrayBuffer()),
      download(url(WEIGHTS), onProgress),
      loadRuntime(),
    ]);
    const session = await ort.InferenceSession.create(graph, {
      externalData: [{ path: WEIGHTS, data: weights }],
    });
    return new Classifier(config, new Tokenizer(tokenizer, options), session, ort.Tensor);
  }

  constructor(config, tokenizer, session, Tensor) {
    Object.assign(this, { tokenizer, session, Tensor });
    const names = config.id2label ?? { 0: "LABEL_0", 1: "LABEL_1" }; // transformers leaves its default names out
    this.labels = Object.keys(names).sort((a, b) => a - b).map((key) => names[key]);
    this.isMultiLabel = config.problem_type === "multi_label_classification" || this.labels.length === 1;
  }

  /** Return a text's score for each label. The temperature is in the ONNX file. */
  async scores(text) {
    const { ids, types } = this.tokenizer.read(text);
    const length = Math.max(1, ids.length); // an empty text is one masked position
    const values = { input_ids: ids, attention_mask: ids.map(() => 1), token_type_ids: types };
    const feeds = {};
    for (const name of this.session.inputNames) {
      const row = new BigInt64Array(length);
      values[name].forEach((value, position) => (row[position] = BigInt(value)));
      feeds[name] = new this.Tensor("int64", row, [1, length]);
    }
    const logits = [...(await this.session.run(feeds)).logits.data];
    if (this.isMultiLabel) return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    const highest = Math.max(...logits);
    const odds = logits.map((logit) => Math.exp(logit - highest));
    const sum = odds.reduce((a, b) => a + b);
    return odds.map((value) => value / sum);
  }
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
