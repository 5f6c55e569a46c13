/** A checkpoint's light.onnx under onnxruntime-web, with the scores of glove_lstm.LightClassifier. */

import { explain } from "./explain.js";
import { HASHES, RUNTIME } from "./onnx_runtime.js";
import { Tokenizer } from "./tokenizer.js";

// The graph, and the file from which it reads its large weights.
const GRAPH = "light.onnx";
const WEIGHTS = "model.safetensors";

const SEVERAL = "multi_label_classification";

export class Classifier {
  /**
   * Load the files of a checkpoint from a URL that ends in "/", and ONNX Runtime.
   *
   * `onProgress` is called with the bytes that have arrived, and with those of all files, as far as the servers tell.
   * `runtime` is the address of ONNX Runtime.
   */
  static async load(base, onProgress = () => {}, runtime = RUNTIME) {
    const opened = await Promise.all([
      ...["config.json", "tokenizer.json", "tokenizer_config.json", GRAPH, WEIGHTS].map((name) => open(new URL(name, base))),
      open(new URL("metrics.json", base), { mayBeMissing: true }),
      ...Object.entries(HASHES).map(([name, integrity]) => open(runtime + name, { integrity })),
    ]);
    const files = await download(opened, onProgress);
    const [config, tokenizer, options, graph, weights, metrics, script, wasm] = files;
    const json = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

    const ort = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    ort.env.wasm.wasmBinary = wasm.buffer;
    ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
    const session = await ort.InferenceSession.create(graph, {
      externalData: [{ path: WEIGHTS, data: weights }],
    });
    const words = new Tokenizer(json(tokenizer), json(options));
    return new Classifier(json(config), words, session, ort.Tensor, metrics ? json(metrics) : {});
  }

  constructor(config, tokenizer, session, Tensor, metrics) {
    Object.assign(this, { tokenizer, session, Tensor });
    this.unsureBelow = config.held_out_scores?.sure_from ?? 0;
    this.isAboutNews = metrics.data?.is_news ?? false; // whatever its labels are called
    const names = config.id2label ?? { 0: "LABEL_0", 1: "LABEL_1" }; // transformers leaves its default names out
    this.labels = Object.keys(names).sort((a, b) => a - b).map((key) => names[key]);
    this.hasTitle = (config.text_column_names ?? ["title", "text"]).length > 1;
    this.isForSeveral = config.problem_type === SEVERAL; // a text may have several labels
    this.thresholds = config.thresholds ?? this.labels.map(() => 0.5); // their least scores
    if (config.problem_type === "regression" || (this.labels.length < 2 && !this.isForSeveral))
      throw new Error("this page shows only models that choose labels for a text");
  }

  /** Return a text's score for each label. The temperature is in the ONNX file. */
  async scores(text) {
    const [logits] = await this.predictLogits([text]);
    if (this.isForSeveral) return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    const highest = Math.max(...logits);
    const odds = logits.map((logit) => Math.exp(logit - highest));
    const sum = odds.reduce((a, b) => a + b);
    return odds.map((value) => value / sum);
  }

  /** Return where each word of a text begins and ends, and its effect on a label; see explain.js. */
  effects(text, label, onProgress) {
    const predictLogits = (texts) => this.predictLogits(texts);
    const { part } = this.tokenizer.read(text);
    return explain(predictLogits, text.toWellFormed(), part, label, this.isForSeveral, onProgress);
  }

  /** Return the calibrated logits of each text. */
  async predictLogits(texts) {
    const rows = texts.map((text) => this.tokenizer.read(text));
    const length = Math.max(1, ...rows.map(({ ids }) => ids.length)); // an empty text is one masked position
    const columns = {
      input_ids: ({ ids }) => ids,
      attention_mask: ({ ids }) => ids.map(() => 1),
      token_type_ids: ({ types }) => types,
    };
    const feeds = {};
    for (const name of this.session.inputNames) {
      const values = new BigInt64Array(rows.length * length); // padded with zeros
      rows.forEach((tokens, row) => values.set(columns[name](tokens).map(BigInt), row * length));
      feeds[name] = new this.Tensor("int64", values, [rows.length, length]);
    }
    const { data } = (await this.session.run(feeds)).logits;
    const count = this.labels.length;
    return rows.map((_, row) => [...data.slice(row * count, (row + 1) * count)]);
  }
}

/** A classifier on the server of `glove-lstm demo`, which answers for the texts of the page. */
export class RemoteClassifier extends Classifier {
  static async load(base) {
    const config = await open(new URL("config.json", base));
    const metrics = await open(new URL("metrics.json", base), { mayBeMissing: true });
    return new RemoteClassifier(await config.json(), null, null, null, metrics ? await metrics.json() : {});
  }

  async scores(text) {
    const { scores } = await ask({ texts: [text] });
    return this.labels.map((label) => scores[0][label]);
  }

  /** The server explains the best label, as the page does. */
  async effects(text, label, onProgress = () => {}) {
    onProgress(0);
    const { effects } = await ask({ texts: [text], explain: true });
    onProgress(1);
    // Python counts an emoji as one character, JavaScript as two.
    const offsets = [0];
    for (const character of text) offsets.push(offsets.at(-1) + character.length);
    return effects[0].map(({ begin, end, effect }) => ({ begin: offsets[begin], end: offsets[end], effect }));
  }
}

async function ask(request) {
  const response = await fetch("predict", { method: "POST", body: JSON.stringify(request) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

/** Return the bytes of each response; undefined for a missing file. */
async function download(responses, onProgress) {
  let total = 0;
  for (const response of responses) total += Number(response?.headers.get("Content-Length") ?? 0);
  let arrived = 0;
  onProgress(arrived, total);
  return Promise.all(
    responses.map(async (response) => {
      if (!response) return undefined;
      const chunks = [];
      for await (const chunk of parts(response.body)) {
        chunks.push(chunk);
        arrived += chunk.length;
        onProgress(arrived, Math.max(arrived, total)); // of a compressed file, more arrives than was told
      }
      return new Uint8Array(await new Blob(chunks).arrayBuffer());
    }),
  );
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
async function open(url, { mayBeMissing = false, ...options } = {}) {
  const response = await fetch(url, options).catch((error) => {
    throw new Error(`${url} cannot be loaded (${error.message})`);
  });
  if (mayBeMissing && response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${url} cannot be loaded (status ${response.status})`);
  return response;
}
