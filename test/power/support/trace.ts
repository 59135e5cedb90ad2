// What a process does to files, from the output of `strace -f -y -xx`: one line for each system call, or two
// where calls of several threads overlap.

/** A change of the file system, the begin or end of an fsync, or bytes that leave the process. */
export type Step =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'unlink'; readonly path: string }
  /** Opens a file, which is created if it is missing; `empty`: it is emptied. */
  | { readonly kind: 'open'; readonly path: string; readonly empty: boolean }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  /** `at`: the offset in bytes; undefined: the end of the file. */
  | { readonly kind: 'write'; readonly path: string; readonly at: number | undefined; readonly bytes: Buffer }
  | { readonly kind: 'resize'; readonly path: string; readonly bytes: number }
  /** `call`: a number that the begin and the end of one fsync have in common. */
  | { readonly kind: 'sync-begins' | 'sync-ends'; readonly path: string; readonly call: number }
  | { readonly kind: 'sent'; readonly text: string };

/** The system calls to be traced: all by which pdisk, Node or LevelDB may change files, and answers. */
export const CALLS =
  'open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,' +
  'ftruncate,truncate,fallocate,write,pwrite64,writev,pwritev,pwritev2,copy_file_range,fsync,fdatasync,sendto,sendmsg';

/** The system calls to be traced: all by which pdisk, Node or LevelDB change files, and those that answer. */
export const LONGEST = 70_000;

const HEX = /(?:\\x[0-9a-f]{2})+/g;
const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll('\\x', ''), 'hex');
const readable = (text: string): string => text.replace(HEX, hex => bytesOf(hex).toString('latin1'));

const FD = String.raw`\d+<((?:\\x[0-9a-f]{2})*)>`;
const TEXT = String.raw`"((?:\\x[0-9a-f]{2})*)"(?:\.\.\.)?`;
const patterns = {
  open: new RegExp(`^openat\\([^,]*, ${TEXT}, ([A-Z_|]+)`),
  folder: new RegExp(`^mkdir\\(${TEXT}`),
  rename: new RegExp(`^rename\\(${TEXT}, ${TEXT}`),
  unlink: new RegExp(`^unlink\\(${TEXT}`),
  write: new RegExp(`^(?:write|pwrite64)\\(${FD}, ${TEXT}, (\\d+)(?:, (\\d+))?`),
  resize: new RegExp(`^ftruncate\\(${FD}, (\\d+)`),
  sync: new RegExp(`^(?:fsync|fdatasync)\\(${FD}`),
  sent: new RegExp(`^sendto\\(\\d+<[^>]*>, ${TEXT}`),
};

const pathOf = (hex: string | undefined): string => bytesOf(hex ?? '').toString();

/** The change that a call has made; undefined: none that matters. */
function changeOf(call: string): Step | undefined {
  const [, opened, flags = ''] = patterns.open.exec(call) ?? [];
  if (opened !== undefined) {
    const isChange = /O_CREAT|O_TRUNC/.test(flags);
    return isChange ? { kind: 'open', path: pathOf(opened), empty: flags.includes('O_TRUNC') } : undefined;
  }
  const [, made] = patterns.folder.exec(call) ?? [];
  if (made !== undefined) return { kind: 'folder', path: pathOf(made) };
  const [, old, to] = patterns.rename.exec(call) ?? [];
  if (old !== undefined) return { kind: 'rename', path: pathOf(old), to: pathOf(to) };
  const [, removed] = patterns.unlink.exec(call) ?? [];
  if (removed !== undefined) return { kind: 'unlink', path: pathOf(removed) };
  const [, sized, size] = patterns.resize.exec(call) ?? [];
  if (sized !== undefined) return { kind: 'resize', path: pathOf(sized), bytes: Number(size) };
  const [, written, text = '', length, at] = patterns.write.exec(call) ?? [];
  if (written === undefined) throw new Error(`a call that the model does not know: ${readable(call)}`);
  // What is longer than strace shows is only the reserve, whose bytes mean nothing.
  const bytes = Buffer.concat([bytesOf(text)], Number(length));
  return { kind: 'write', path: pathOf(written), at: at === undefined ? undefined : Number(at), bytes };
}

/** What the process has done in `folder` (and what it has sent and printed), in order. */
export function stepsOf(trace: string, folder: string): Step[] {
  const steps: Step[] = [];
  const begun = new Map<string, { readonly text: string; readonly call: number }>();
  const inFolder = `\\x${Buffer.from(folder).toString('hex').match(/../g)?.join('\\x')}`;
  let calls = 0;

  function begins(text: string, call: number): void {
    const [, synced] = patterns.sync.exec(text) ?? [];
    if (synced !== undefined) steps.push({ kind: 'sync-begins', path: pathOf(synced), call });
    const [, to, written] = patterns.write.exec(text) ?? [];
    // Threads wake each other by writing to an eventfd.
    const isOut = to !== undefined && !/^anon_inode/.test(pathOf(to)) && !pathOf(to).startsWith(folder);
    const sent = patterns.sent.exec(text)?.[1] ?? (isOut ? written : undefined);
    if (sent) steps.push({ kind: 'sent', text: pathOf(sent) });
  }
  function ends(text: string, call: number): void {
    if (/ = -1 E[A-Z]+ /.test(text) || !text.includes(inFolder)) return;
    const [, synced] = patterns.sync.exec(text) ?? [];
    const step: Step | undefined =
      synced === undefined ? changeOf(text) : { kind: 'sync-ends', path: pathOf(synced), call };
    if (step) steps.push(step);
  }

  for (const line of trace.split('\n')) {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    calls += 1;
    const [, rest] = /^<\.\.\. \w+ resumed>(.*)$/.exec(text) ?? [];
    const open = begun.get(thread);
    if (rest !== undefined && open) {
      begun.delete(thread);
      ends(open.text + rest, open.call);
    } else if (text.endsWith(' <unfinished ...>')) {
      const first = text.slice(0, -' <unfinished ...>'.length);
      begun.set(thread, { text: first, call: calls });
      begins(first, calls);
    } else {
      begins(text, calls);
      ends(text, calls);
    }
  }
  return steps.filter(step => step.kind === 'sent' || step.path.startsWith(folder));
}
