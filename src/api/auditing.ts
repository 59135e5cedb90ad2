import { accountName } from '../accounts/record.ts';
import type { AuditEntry, AuditLog, OpenEntry } from '../audit/audit-log.ts';
import { isNodeName } from '../config/node-name.ts';
import type { Cause } from '../disks/service.ts';
import { isUuid } from '../lib/uuid.ts';
import type { Write } from '../store/group-commit.ts';
import { vmId } from './description/inputs.ts';
import type { Operation } from './description/operation.ts';
import type { HttpAnswer } from './http/answer.ts';
import type { Fields } from './http/fields.ts';
import type { RememberAnswer } from './routes/idempotency.ts';

/** The id of entries about requests that only read, with credentials that were checked. */
const LOGIN = 'login';
/** How many disks an entry names. */
const MAX_DISKS = 100;

/** What a request is about, as far as its URL and its inputs say so. Nothing else of a body is kept. */
interface Subject {
  disks: string[];
  node: string | null;
  vmId: string | null;
  subject: string | null;
  token: string | null;
}

const nothing = (): Subject => ({ disks: [], node: null, vmId: null, subject: null, token: null });

/** The values of the path's parameters by name, where they are well-formed. */
function subjectOf({ path }: Operation, params: readonly string[]): Subject {
  const subject = nothing();
  const names = path.split('/').filter(segment => segment.startsWith(':'));
  for (const [index, name] of names.entries()) {
    const value = params[index] ?? '';
    if (name === ':uuid' && isUuid(value.toLowerCase())) subject.disks = [value.toLowerCase()];
    if (name === ':node' && isNodeName(value)) subject.node = value;
    if (name === ':account' && accountName.safeParse(value).success) subject.subject = value;
  }
  return subject;
}

/** The audit of one request. */
export class Audited {
  readonly #log: AuditLog;
  readonly #operation: string;
  readonly #subject: Subject;
  readonly #request: string;
  readonly #client: string;
  /** A token's id in the URL: kept only if the request succeeds, since a secret may be there by mistake. */
  readonly #token: string | null;
  #account: string | null = null;
  #accountId: string | undefined;
  #acted = false;
  #answer: HttpAnswer | undefined;
  #entry: OpenEntry | undefined;

  constructor(
    log: AuditLog,
    request: { readonly id: string; readonly client: string },
    operation?: Operation,
    params: readonly string[] = [],
  ) {
    this.#log = log;
    this.#operation = operation?.id ?? LOGIN;
    this.#subject = operation ? subjectOf(operation, params) : nothing();
    this.#token = operation?.path === '/api/tokens/:id' ? (params[0] ?? null) : null;
    this.#request = request.id;
    this.#client = request.client;
  }

  /** Notes who asks. */
  by({ account, id }: { readonly account: string; readonly id?: string | undefined }): void {
    this.#account = account;
    this.#accountId = id;
  }

  /** Notes the VM that the inputs name. */
  about({ node, vm_id }: Fields): void {
    if (typeof node === 'string' && isNodeName(node)) this.#subject.node = node;
    if (typeof vm_id === 'string' && vmId.safeParse(vm_id).success) this.#subject.vmId = vm_id;
  }

  /** The cause of the request, whose first decision writes the entry in its batch. */
  cause(cause: Cause): Cause {
    this.#acted = true;
    return {
      ...cause,
      alsoWrite: decided => [...(cause.alsoWrite?.(decided) ?? []), ...this.#open(decided.disks)],
    };
  }

  /** The same for a change whose answer is known with the decision. */
  remember(also: RememberAnswer): RememberAnswer {
    return answer => {
      this.#answer = answer;
      return [...also(answer), ...this.#open([])];
    };
  }

  #open(disks: readonly string[]): Write[] {
    if (this.#entry) return [];
    if (disks.length > 0) this.#subject.disks = disks.slice(0, MAX_DISKS);
    this.#entry = this.#log.open(this.#entryNow(this.#answer?.status ?? null, null));
    return [this.#entry.write];
  }

  #entryNow(status: number | null, code: string | null, attempted: string | null = null): AuditEntry {
    const succeeded = status !== null && status < 400;
    return {
      time: Date.now(),
      request: this.#request,
      account: this.#account,
      ...(this.#accountId === undefined ? {} : { accountId: this.#accountId }),
      attempted,
      client: this.#client,
      operation: this.#operation,
      ...this.#subject,
      token: succeeded ? this.#tokenNow() : null,
      status,
      code,
      repeated: succeeded && this.#operation !== LOGIN && !this.#acted,
    };
  }

  #tokenNow = (): string | null => this.#answer?.token ?? this.#token;

  /** Notes the answer. `attempted`: the name that a failed login gave. */
  end(answer: HttpAnswer, attempted: string | undefined): void {
    // Of a request that only reads, the login counts.
    const isLogin = this.#operation === LOGIN && this.#account !== null;
    const status = isLogin ? 200 : answer.status;
    const code = isLogin ? null : (answer.error?.code ?? null);
    const entry = this.#entry;
    if (!entry) this.#log.note(this.#entryNow(status, code, attempted ?? null));
    else if (entry.record.status !== status) {
      this.#log.close(entry, { status, code, token: status < 400 ? this.#tokenNow() : null });
    }
  }
}
