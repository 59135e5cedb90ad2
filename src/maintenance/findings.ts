/** What a check has found, as sentences. */
export interface Findings {
  /** Something that should be put right; the service starts nevertheless. */
  warn(sentence: string): void;
  /** Something with which the service does not start, or that is broken for its users. */
  fail(sentence: string): void;
  all(): readonly string[];
  /** 0: nothing was found, 1: warnings, 2: failures. */
  status(): 0 | 1 | 2;
}

/** Of each kind of finding no more are listed: a lost file system would give a sentence for every disk. */
const MAX_ALIKE = 20;

/** Collects what a check finds. */
export function createFindings(): Findings {
  const sentences: string[] = [];
  let status: 0 | 1 | 2 = 0;
  const add = (least: 1 | 2) => (sentence: string) => {
    if (status < least) status = least;
    sentences.push(sentence);
  };
  return { warn: add(1), fail: add(2), all: () => sentences, status: () => status };
}

/** Tells a sentence for each of these, but not more than twenty, and then how many there are. */
export function tellSome(tell: (sentence: string) => void, sentences: readonly string[]): void {
  for (const sentence of sentences.slice(0, MAX_ALIKE)) tell(sentence);
  if (sentences.length > MAX_ALIKE) tell(`and ${sentences.length - MAX_ALIKE} more like the last one`);
}
