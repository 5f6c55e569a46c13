/**
 * Token ids and token types as GloveLstmTokenizer gives them; tests/app/test_page.py compares the two.
 *
 * It runs the pipeline of tokenizer.json: letters and marks composed, replacements, lower-casing and one split into
 * words. The regular expressions there are written for Oniguruma; `translate` makes them JavaScript's.
 */

// Oniguruma's \w inside of a class; our patterns have it nowhere else.
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}`;
const CLASSES = {
  "\\w": `[${WORD}]`,
  "\\W": `[^${WORD}]`,
  "\\d": String.raw`\p{Nd}`,
  "\\s": String.raw`\p{White_Space}`,
  "\\S": String.raw`\P{White_Space}`,
};
const SCRIPT = /\\p\{(Han|Hiragana|Katakana|Thai|Lao|Khmer|Myanmar)\}/g;

// Ideographs that Python's str.isnumeric takes for numbers (Unicode 14), which \p{N} leaves out.
const HAN_NUMBERS =
  "㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹幺廾廿弌弍弎弐拾捌柒漆玖百肆萬貮貳贰阡陆陌陸零" +
  String.raw`\u{f96b}\u{f973}\u{f978}\u{f9b2}\u{f9d1}\u{f9d3}\u{f9fd}\u{20001}\u{20064}\u{200e2}\u{20121}\u{2092a}` +
  String.raw`\u{20983}\u{2098c}\u{2099c}\u{20aea}\u{20afd}\u{20b19}\u{22390}\u{22998}\u{23b1b}\u{2626d}\u{2f890}`;

const KNOWN = 32n; // in place of the spelling of a known word, as in word_shapes.py

// Kinds of characters as in word_shapes.py.
const UPPER = /[\p{Uppercase}\p{Lt}]/gv;
const STARTS_UPPER = /^[\p{Uppercase}\p{Lt}]/v;
const DIGIT = new RegExp(String.raw`[[\p{N}${HAN_NUMBERS}]--\p{Uppercase}]`, "v");
const LOWER = new RegExp(String.raw`[\p{L}--[\p{Uppercase}\p{Lt}${HAN_NUMBERS}]]`, "v");

/** A tokenizer, from the contents of tokenizer.json and tokenizer_config.json. */
export class Tokenizer {
  constructor({ normalizer, pre_tokenizer, post_processor, model, added_tokens }, config) {
    const steps = normalizer?.normalizers ?? [normalizer];
    const canRun =
      steps.every((step) => step?.type in STEPS || (step?.type === "Replace" && step.pattern.Regex)) &&
      pre_tokenizer?.type === "Split" && pre_tokenizer.behavior === "Removed" && pre_tokenizer.invert &&
      pre_tokenizer.pattern.Regex && model.type === "WordLevel" && config.split_special_tokens &&
      added_tokens.every((token) => token.special) && !Object.keys(post_processor?.special_tokens ?? {}).length;
    if (!canRun) throw new Error("tokenizer.json holds a pipeline that this page cannot run");
    this.steps = steps.map((step) => {
      if (step.type in STEPS) return STEPS[step.type];
      const pattern = translate(step.pattern.Regex);
      return (text) => replace(text, pattern, step.content);
    });
    this.words = translate(pre_tokenizer.pattern.Regex);
    this.vocabulary = new Map(Object.entries(model.vocab));
    this.unknown = this.vocabulary.get(model.unk_token);
    this.longest = config.model_max_length ?? Infinity;
    this.keepsEnd = config.truncation_side === "left";
    this.hasTypes = config.model_input_names.includes("token_type_ids");
  }

  /**
   * Return a text's tokens: their ids, and their token type ids as word_shapes.token_type makes them (BigInts). A long
   * text is cut, and `part` is where the part that is read begins and ends.
   */
  read(text) {
    const original = text.toWellFormed(); // a lone surrogate becomes U+FFFD
    let normal = aligned(original);
    for (const step of this.steps) normal = step(normal);
    const ids = [];
    const types = [];
    const begins = [];
    for (const { 0: word, index } of normal.text.matchAll(this.words)) {
      const begin = normal.begins[index];
      const end = normal.ends[index + word.length - 1];
      const surface = original.slice(begin, end);
      const id = this.vocabulary.get(word);
      const spelling = id === undefined ? spellingOf(surface) : KNOWN;
      begins.push(begin);
      ids.push(id ?? this.unknown);
      types.push(this.hasTypes ? BigInt(shapeOf(surface)) + 8n * spelling : 0n);
    }
    const first = this.keepsEnd ? Math.max(0, ids.length - this.longest) : 0;
    const last = first + this.longest;
    const part = [first > 0 ? begins[first] : 0, begins[last] ?? original.length];
    return { ids: ids.slice(first, last), types: types.slice(first, last), part };
  }
}

/** Return a global regular expression that matches what Oniguruma's does. */
function translate(pattern) {
  const source = pattern.replace(/\\[wWdsS]/g, (name) => CLASSES[name]).replace(SCRIPT, "\\p{Script=$1}");
  return new RegExp(source, "gv");
}

/** Return a text, and for each of its UTF-16 units where its character begins and ends. */
function aligned(text) {
  const begins = [];
  const ends = [];
  for (const character of text) {
    const begin = begins.length;
    const end = begin + character.length;
    while (begins.length < end) {
      begins.push(begin);
      ends.push(end);
    }
  }
  return { text, begins, ends };
}

/** Replace all matches. As in Rust, the whole content is aligned with the last character of its match. */
function replace({ text, begins, ends }, pattern, content) {
  if (text.search(pattern) < 0) return { text, begins, ends };
  const result = { text: text.replace(pattern, () => content), begins: [], ends: [] };
  const align = (unit) => {
    result.begins.push(begins[unit]);
    result.ends.push(ends[unit]);
  };
  let done = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    while (done < index) align(done++);
    done += match.length;
    for (let unit = 0; unit < content.length; unit++) align(done - 1);
  }
  while (done < text.length) align(done++);
  return result;
}

/** Compose each letter with its marks (NFC); what is composed is aligned with all of them. */
function compose({ text, begins, ends }) {
  if (text.normalize("NFC") === text) return { text, begins, ends };
  const result = { text: "", begins: [], ends: [] };
  let begin = 0;
  for (const part of partsToCompose(text)) {
    const composed = [...part.normalize("NFC")];
    const places = [];
    for (const character of part) {
      places.push({ begin: begins[begin], end: ends[begin + character.length - 1] });
      begin += character.length;
    }
    const inFirst = Math.max(places.length - composed.length, 0); // characters that went into the first one
    composed.forEach((character, number) => {
      const last = Math.min(number + inFirst, places.length - 1);
      for (let unit = 0; unit < character.length; unit++) {
        result.begins.push(places[number && last].begin);
        result.ends.push(places[last].end);
      }
      result.text += character;
    });
  }
  return result;
}

/** Divide a text where no composed character goes across. */
function partsToCompose(text) {
  const parts = [];
  for (const character of text) {
    const before = parts.at(-1);
    const joins =
      parts.length && character >= "\u0300" &&
      (!isStarter(character) || (before + character).normalize("NFC") !== before.normalize("NFC") + character.normalize("NFC"));
    if (joins) parts[parts.length - 1] += character;
    else parts.push(character);
  }
  return parts;
}

/** Return whether normalization leaves a character behind a mark of the last class, and so behind any mark. */
function isStarter(character) {
  return character !== "\u0345" && ("\u0345" + character).normalize("NFD").startsWith("\u0345");
}

/** Lower-case each character alone, as Rust does: a sigma at the end of a word has a replacement before. */
function lowerCase(text) {
  const same = replace(text, /\u0130/g, "i\u0307"); // the only letter that grows
  return { ...same, text: same.text.replaceAll("\u03a3", "\u03c3").toLowerCase() };
}

const STEPS = { NFC: compose, Lowercase: lowerCase };

// As in word_shapes.py: what nobody sees, accents, and letters that Unicode does not divide into a letter of English and an accent.
const UNSEEN =
  /[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\u{e0000}-\u{e0fff}]/gu;
const ACCENTS = /[\u0300-\u036f\u064b-\u065f]/gu;
const BASE_LETTERS = { æ: "a", ð: "d", ø: "o", þ: "t", ß: "s", đ: "d", ħ: "h", ı: "i", ł: "l", œ: "o", ς: "σ" };

/** Return the first twelve letters of a word, five bits each, without accents; as in word_shapes.py. */
function spellingOf(word) {
  const lower = word.toLowerCase();
  const letters = (lower.replace(UNSEEN, "") || lower).normalize("NFD");
  const bare = letters.replace(ACCENTS, "") || letters;
  const codes = [...bare].slice(0, 12).map((letter) => codeOf((BASE_LETTERS[letter] ?? letter).codePointAt(0)));
  return codes.reduceRight((sum, code) => 32n * sum + BigInt(code), 0n);
}

/** Return the code of a letter: a to z are 1 to 26, other ASCII characters 27 to 31, all others 1 to 31. */
function codeOf(letter) {
  if (letter >= 97 && letter <= 122) return letter - 96;
  return letter < 128 ? 27 + (letter % 5) : 1 + (letter % 31);
}

/** Return the shape of a word: 1 lower, 2 title, 3 upper, 4 mixed, 5 digits, 6 other; as in word_shapes.py. */
function shapeOf(word) {
  const capitals = word.match(UPPER)?.length ?? 0;
  if (!capitals) return LOWER.test(word) ? 1 : DIGIT.test(word) ? 5 : 6;
  if (!LOWER.test(word)) return 3;
  return capitals === 1 && STARTS_UPPER.test(word) ? 2 : 4;
}
