/** The page: it loads a checkpoint, and shows the scores of a text and what each word adds. */

import { Classifier } from "./classifier.js";

const NEWS_LABELS = ["FAKE", "REAL"];
const EXAMPLES = {
  "Agency style": [
    "Harbour council approves new ferry timetable",
    "The harbour council voted 7 to 2 on Tuesday to add an early ferry from the northern islands, its clerk said in a statement.",
  ],
  "Loud style": [
    "You WON'T BELIEVE what the ferry company is HIDING!!!",
    "They told you the new timetable was for YOUR benefit. Wake up! Share this before they delete it!!!",
  ],
};

// As in glove_lstm.inference.explanation.
const COLOUR_FOR = [0, 114, 178];
const COLOUR_AGAINST = [213, 94, 0];
const FAINTEST = 0.05; // words below this share of the largest effect are not marked
const DEEPEST = 0.7; // black letters need a contrast of 4.5 to 1

export let classifier; // for the console, and for tests

const { model: defaultModel, modelPage } = document.documentElement.dataset;
const form = document.querySelector("form");
const buttons = form.getElementsByTagName("button");
const progress = document.querySelector("progress");
const status = document.querySelector("#status");
const table = document.querySelector("table");
const words = document.querySelector("#words");
const key = document.querySelector("#key");

try {
  const model = new URLSearchParams(location.search).get("model");
  const base = new URL((model ?? defaultModel).replace(/\/*$/, "/"), location.href);
  showModel(base, model === null ? modelPage : undefined);
  status.textContent = "Loading the model ...";
  progress.hidden = false;
  classifier = await Classifier.load(base, (share) => (progress.value = share));
  if (isNews()) {
    document.querySelector("#meaning").hidden = false;
    addExamples();
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    classify().catch(report);
  });
  enable(true);
  status.textContent = "Ready.";
} catch (error) {
  report(error);
} finally {
  progress.hidden = true;
}

/** Link to `address`; without one, to the Hub page of the files, or to the files themselves if they are elsewhere. */
function showModel(base, address) {
  const link = document.querySelector("#model");
  link.href = address ?? base.href.replace(/\/(?:resolve|raw)\/([^/]+)\/$/, "/tree/$1");
  link.textContent = link.href;
}

function isNews() {
  return classifier.labels.every((label) => NEWS_LABELS.includes(label));
}

function addExamples() {
  const examples = document.querySelector("#examples");
  for (const [name, [title, text]] of Object.entries(EXAMPLES)) {
    const example = document.createElement("button");
    example.type = "button";
    example.textContent = name;
    example.addEventListener("click", () => {
      form.elements.title.value = title;
      form.elements.text.value = text;
      form.requestSubmit();
    });
    examples.append(example);
  }
  examples.hidden = false;
}

async function classify() {
  const parts = [form.elements.title.value, form.elements.text.value];
  const text = parts.filter((part) => part.trim()).join(" ");
  for (const result of [table, words, key]) result.hidden = true;
  if (!text) {
    status.textContent = "There is nothing to classify. Type or paste a title or a text.";
    return;
  }
  enable(false);
  status.textContent = "Classifying ...";
  try {
    const scores = await classifier.scores(text);
    const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
    const best = classifier.labels[order[0]];
    table.tBodies[0].replaceChildren(...order.map((index) => row(classifier.labels[index], scores[index])));
    table.hidden = false;
    status.textContent = verdict(best, scores[order[0]]);
    showWords(text, best, await classifier.effects(text));
  } finally {
    enable(true);
  }
}

/** One text at a time: the model cannot run twice at once. */
function enable(isEnabled) {
  for (const button of buttons) button.disabled = !isEnabled;
}

/** Return a sentence, such as "resembles FAKE sources, 59 %". */
function verdict(label, score) {
  const name = isNews() ? `${label} sources` : label;
  // Rounded down, so that a score below the threshold looks so; 100 * 0.29 is 28.999999999999996.
  const percent = Math.floor(Number((100 * score).toFixed(4)));
  if (score < classifier.unsureBelow) return `unsure, nearest to ${name}, ${percent} %`;
  return `${isNews() ? "resembles " : ""}${name}, ${percent} %`;
}

function row(label, score) {
  const made = document.querySelector("template").content.cloneNode(true);
  made.querySelector("th").textContent = label;
  made.querySelector("meter").value = score;
  made.querySelector("td:last-child").textContent = score.toFixed(3);
  return made;
}

/** Show the text with a colour behind each word that has an effect. */
function showWords(text, best, { effects, read, total }) {
  words.replaceChildren();
  if (!effects.length) return;
  const largest = Math.max(...effects.map(({ effect }) => Math.abs(effect))) || 1;
  let shown = 0;
  for (const { begin, end, effect } of effects) {
    const share = effect / largest;
    if (Math.abs(share) < FAINTEST) continue;
    const mark = document.createElement("mark");
    mark.textContent = text.slice(begin, end);
    mark.title = effect.toFixed(2);
    mark.className = share > 0 ? "for" : "against";
    mark.style.background = colour(share);
    words.append(text.slice(shown, begin), mark);
    shown = end;
  }
  words.append(text.slice(shown));
  words.hidden = false;

  key.textContent = `Underlined words count for ${best}, words in italics against it; deeper colours count more.`;
  if (read < total) key.textContent += ` The model reads ${read} of the ${total} words.`;
  if (effects.length < read) key.textContent += ` The first ${effects.length} of them are measured.`;
  key.hidden = false;
}

/** Return the colour of a word, from -1, the strongest against the label, to 1, the strongest for it. */
function colour(share) {
  const full = share > 0 ? COLOUR_FOR : COLOUR_AGAINST;
  const mixed = full.map((part) => 255 - (255 - part) * DEEPEST * Math.abs(share));
  return `rgb(${mixed.join(" ")})`;
}

function report(error) {
  status.textContent = `Error: ${error.message}`;
}
