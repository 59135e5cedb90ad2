import { type HttpAnswer, json } from './answer.ts';

/** An absolute path on this host that is not a URL of ours. */
const PATH = /(?<![\w:/.?])\/(?!api\/)[^\s'",;:()]+/g;

/** An error without the paths of sockets, pools and programs, for callers who do not run the cloud. */
export function withoutPaths(answer: HttpAnswer): HttpAnswer {
  const { error, headers, status } = answer;
  if (!error?.messages.some(message => message.search(PATH) >= 0)) return answer;
  const message = error.messages.map(text => text.replace(PATH, '(a path)'));
  return { ...json({ message }, status, headers), error };
}
