/** The page: it loads the checkpoint that its address names and shows the scores of a text. */

import { Classifier } from "./classifier.js";

const DEFAULT_MODEL = "../../hub/";
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

export let classifier; // for the console, and for tests

const form = document.querySelector("form");
const button = form.querySelector("button");
const progress = document.querySelector("progress");
const status = document.querySelector("#status");
const table = document.querySelector("table");

for (const [name, [title, text]] of Object.entries(EXAMPLES)) {
  const example = document.createElement("button");
  example.type = "button";
  example.textContent = name;
  example.addEventListener("click", () => {
    form.elements.title.value = title;
    form.elements.text.value = text;
    if (classifier) form.requestSubmit();
  });
  document.querySelector("#examples").append(example);
}

try {
  const model = new URLSearchParams(location.search).get("model") ?? DEFAULT_MODEL;
  const base = new URL(model.replace(/\/*$/, "/"), location.href);
  const link = document.querySelector("#model");
  link.textContent = base;
  link.href = page(base);
  status.textContent = "Loading the model ...";
  progress.hidden = false;
  classifier = await Classifier.load(base, (share) => (progress.value = share));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    classify().catch(report);
  });
  button.disabled = false;
  status.textContent = "Ready.";
} catch (error) {
  report(error);
} finally {
  progress.hidden = true;
}

/** Return the page of a model: of a repository on the Hub, the one that people read. */
function page(base) {
  return base.href.replace(/\/(?:resolve|raw)\/([^/]+)\/$/, "/tree/$1");
}

async function classify() {
  const parts = [form.elements.title.value, form.elements.text.value];
  const text = parts.filter((part) => part.trim()).join(" ");
  if (!text) {
    status.textContent = "There is nothing to classify. Type or paste a title or a text.";
    table.hidden = true;
    return;
  }
  button.disabled = true;
  try {
    const scores = await classifier.scores(text);
    const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
    table.tBodies[0].replaceChildren(...order.map((index) => row(classifier.labels[index], scores[index])));
    table.hidden = false;
    status.textContent = `Resembles ${classifier.labels[order[0]]}.`;
  } finally {
    button.disabled = false;
  }
}

function row(label, score) {
  const made = document.querySelector("template").content.cloneNode(true);
  made.querySelector("th").textContent = label;
  made.querySelector("meter").value = score;
  made.querySelector("td:last-child").textContent = score.toFixed(3);
  return made;
}

function report(error) {
  status.textContent = `Error: ${error.message}`;
}
