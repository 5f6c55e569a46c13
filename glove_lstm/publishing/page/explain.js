/** Explain a label by leaving each word out in turn: the port of glove_lstm/inference/explain.py, with its numbers. */

const SPACES = String.raw`\x00-\x20\x7f-\xa0\u1680\u2000-\u200b\u2028-\u202f\u205f-\u2064\u3000\ufeff`;
const MARKS =
  String.raw`!-\/:-@\[-\^\x60\{-~\xa1-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\xd7\xf7\u060c\u061b\u061f\u06d4\u0964\u0965` +
  String.raw`\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2190-\u2bff\u2e00-\u2e7f` +
  String.raw`\u3001-\u3004\u3008-\u3020\u3030\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65` +
  String.raw`\ufe0f\u{1f000}-\u{1faff}`;
const JOINTS = String.raw`\-'\u2019.,`;
// Characters of scripts without spaces, and the marks on them, as in glove_lstm/unicode_scripts.py.
const SPACELESS =
  String.raw`\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3038-\u303b` +
  String.raw`\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9ff` +
  String.raw`\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9d\u{116d0}-\u{116ff}\u{16fe2}-\u{16fe3}\u{16ff0}-\u{16ff6}` +
  String.raw`\u{1aff0}-\u{1b16f}\u{20000}-\u{3ffff}`;
const COMBINING =
  String.raw`\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060` +
  String.raw`\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u302a-\u302f` +
  String.raw`\u3099\u309a\ua9e5\uaa7b-\uaa7d\ufe00-\ufe0f\u{16ff0}\u{16ff1}\u{e0100}-\u{e01ef}`;
const LETTER = `[^${SPACES}${MARKS}${SPACELESS}]`;
const WORD = new RegExp(
  `[${SPACELESS}][${COMBINING}]*|${LETTER}+(?:[${JOINTS}]${LETTER}+)*|[${MARKS}\\u200d]+`,
  "gu",
);

const MOST_PARTS = 1500; // of a text that are left out; a text of more words is divided into runs of words
const BATCH = 32; // texts between two reports of progress

/**
 * Return the effect of each word on a label: how much its logit falls without the word.
 *
 * If a text has one label, that is the logit minus the largest of the other logits; if it may have several, it is the
 * logit of the label alone.
 *
 * @param predictLogits - From texts to the logits of each text, asynchronous.
 * @param text - Without lone surrogates.
 * @param part - Where the part of the text begins and ends that is read; only its words are explained.
 * @param label - The number of the label.
 * @param isForSeveral - Whether a text may have several labels.
 * @param onProgress - Called with the share that is done.
 */
export async function explain(predictLogits, text, part, label, isForSeveral, onProgress = () => {}) {
  const evidence = (logits) => {
    if (isForSeveral) return logits[label];
    return logits[label] - Math.max(...logits.filter((_, other) => other !== label));
  };
  const [whole] = await predictLogits([text]);
  const spans = splitWords(text, part);
  const effects = [];
  for (let start = 0; start < spans.length; start += BATCH) {
    const batch = spans.slice(start, start + BATCH);
    const variants = batch.map(([begin, end]) => `${text.slice(0, begin)} ${text.slice(end)}`);
    const logits = await predictLogits(variants);
    batch.forEach(([begin, end], row) => {
      effects.push({ begin, end, effect: evidence(whole) - evidence(logits[row]) });
    });
    onProgress(effects.length / spans.length);
    await new Promise((resolve) => setTimeout(resolve)); // lets the browser draw
  }
  return effects;
}

/** Return where each word, or each run of words if there are many, begins and ends: those in a part of a text. */
export function splitWords(text, [partBegin, partEnd] = [0, text.length]) {
  const words = [...text.matchAll(WORD)].map(({ 0: word, index }) => [index, index + word.length]);
  const spans = words.filter(([begin, end]) => end > partBegin && begin < partEnd);
  const wordsInRun = Math.ceil(spans.length / MOST_PARTS);
  if (wordsInRun <= 1) return spans;
  const runs = [];
  for (let start = 0; start < spans.length; start += wordsInRun) {
    const run = spans.slice(start, start + wordsInRun);
    runs.push([run[0][0], run.at(-1)[1]]);
  }
  return runs;
}
