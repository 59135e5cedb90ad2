// The answers of a fake libvirtd, for each procedure in the table of the client.
import * as libvirt from '../../../src/libvirt/constants.ts';
import { ERROR } from '../../../src/libvirt/constants.ts';
import { LibvirtError } from '../../../src/libvirt/errors.ts';
import type { Procedure, procedures } from '../../../src/libvirt/procedures.ts';
import { saslServer } from './sasl.ts';
import { domainOf, type FakeVm } from './vm.ts';
import type { FakeVms } from './vms.ts';
import { capabilitiesXml, FROM_QEMU, parseDisk } from './xml.ts';

type Procedures = typeof procedures;
type Answers = {
  [Name in keyof Procedures]: Procedures[Name] extends Procedure<infer Args, infer Result>
    ? (args: Args, session: SessionState) => Result
    : never;
};

/** The authentication method that the fake asks for. */
export type Auth = 'none' | 'polkit' | 'sasl';

/** The state of one connection. */
export interface SessionState {
  opened: boolean;
  authenticated: boolean;
  /** The authentication by SASL that has begun. */
  sasl?: ReturnType<typeof saslServer>;
  /** Whether the client has asked for feature 10, and so gets PINGs. */
  keepalive: boolean;
  /** Event id to callback id. */
  callbacks: Map<number, number>;
}

const AUTH_TYPE: Record<Auth, number> = { none: 0, sasl: 1, polkit: 2 };
const FEATURES = new Set([8, 9, 10, 14, 15]);
const EVENT_LAST = 26;
const VIR_FROM_REMOTE = 13;

function matches(vm: FakeVm, flags: number): boolean {
  const running = vm.id !== -1;
  const groups: [number, boolean][][] = [
    [
      [libvirt.LIST_ACTIVE, running],
      [libvirt.LIST_INACTIVE, !running],
    ],
    [
      [libvirt.LIST_MANAGED_SAVE, vm.saved !== undefined],
      [libvirt.LIST_NO_MANAGED_SAVE, vm.saved === undefined],
    ],
  ];
  return groups.every(group => {
    const asked = group.filter(([flag]) => (flags & flag) !== 0);
    return asked.length === 0 || asked.some(([, holds]) => holds);
  });
}

/** The procedures, executed on `vms`; they throw LibvirtError as libvirt refuses. */
export function fakeAnswers(
  vms: FakeVms,
  { auth, hostUuid, hostname }: { auth: Auth; hostUuid: string; hostname: string },
): Answers {
  let lastCallback = 0;
  const domain = (vm: FakeVm) => ({ domain: domainOf(vm) });
  return {
    authList: (_, session) => {
      if (auth === 'none') session.authenticated = true;
      return { types: [AUTH_TYPE[auth]] };
    },
    authSaslInit: () => ({ text: 'SCRAM-SHA-1,SCRAM-SHA-256' }),
    authSaslStart: ({ data }, session) => {
      session.sasl = saslServer();
      return { complete: 0, nil: 0, data: Buffer.from(session.sasl.start(data.toString())) };
    },
    authSaslStep: ({ data }, session) => {
      const answer = session.sasl?.step(data.toString()) ?? '';
      session.authenticated = answer !== '';
      return { complete: 1, nil: 0, data: Buffer.from(answer) };
    },
    authPolkit: (_, session) => {
      session.authenticated = true;
      return { complete: 1 };
    },
    connectSupportsFeature: ({ feature }, session) => {
      if (feature === 10) session.keepalive = true;
      return { supported: FEATURES.has(feature) ? 1 : 0 };
    },
    connectOpen: (_, session) => {
      const again = session.opened;
      session.opened = !again;
      if (again) {
        throw new LibvirtError('internal error: connection already open', {
          code: 1,
          domain: VIR_FROM_REMOTE,
        });
      }
    },
    connectClose: () => undefined,
    connectGetVersion: () => ({ version: 7_002_022n }),
    connectGetLibVersion: () => ({ version: 9_000_000n }),
    connectGetCapabilities: () => ({ text: capabilitiesXml(hostUuid) }),
    connectGetHostname: () => ({ text: hostname }),
    connectListAllDomains: ({ flags }) => {
      const domains = vms.all().filter(vm => matches(vm, flags));
      return { domains: domains.map(domainOf), count: domains.length };
    },
    connectRegisterEvent: ({ event }, { callbacks }) => {
      if (event < 0 || event > EVENT_LAST) {
        throw new LibvirtError('internal error: unsupported event ID', { code: 1, domain: VIR_FROM_REMOTE });
      }
      if (callbacks.has(event)) {
        const message = 'invalid argument: event callback already tracked';
        throw new LibvirtError(message, { code: ERROR.INVALID_ARG, domain: 0 });
      }
      callbacks.set(event, ++lastCallback);
      return { callback: lastCallback };
    },
    domainLookupByName: ({ name }) => domain(vms.findByName(name)),
    domainLookupByUuid: ({ uuid }) => domain(vms.find(uuid)),
    domainGetState: ({ domain: { uuid } }) => {
      const { state, reason } = vms.find(uuid);
      return { state, reason };
    },
    domainIsPersistent: ({ domain: { uuid } }) => ({ result: vms.find(uuid).persistent ? 1 : 0 }),
    domainGetXmlDesc: ({ domain: { uuid }, flags }) => ({
      text: vms.xml(vms.find(uuid), (flags & libvirt.XML_INACTIVE) !== 0),
    }),
    domainCreateXml: ({ xml }) => domain(vms.create(xml)),
    domainDefineXmlFlags: ({ xml }) => domain(vms.define(xml)),
    domainUndefineFlags: ({ domain: { uuid }, flags }) =>
      vms.undefine(vms.find(uuid), (flags & libvirt.UNDEFINE_MANAGED_SAVE) !== 0),
    domainCreateWithFlags: ({ domain: { uuid } }) => {
      const vm = vms.find(uuid);
      vms.start(vm);
      return domain(vm);
    },
    domainDestroy: ({ domain: { uuid } }) => vms.stop(vms.running(uuid), libvirt.STOPPED_DESTROYED),
    domainSuspend: ({ domain: { uuid } }) => vms.suspend(vms.running(uuid)),
    domainResume: ({ domain: { uuid } }) => vms.resume(vms.running(uuid)),
    // The guest boots again in the same run; QEMU removes every device whose unplug was requested before.
    domainReset: ({ domain: { uuid } }) => vms.wake(vms.running(uuid)),
    domainManagedSave: ({ domain: { uuid } }) => vms.managedSave(vms.running(uuid)),
    domainHasManagedSaveImage: ({ domain: { uuid } }) => ({
      result: vms.find(uuid).saved === undefined ? 0 : 1,
    }),
    domainManagedSaveRemove: ({ domain: { uuid } }) => {
      vms.find(uuid).saved = undefined;
    },
    domainAttachDeviceFlags: ({ domain: { uuid }, xml, flags }) => {
      if (flags !== libvirt.AFFECT_LIVE) throw new LibvirtError('only live', { code: 8, domain: FROM_QEMU });
      vms.attach(vms.running(uuid), parseDisk(xml));
    },
    domainDetachDeviceAlias: ({ domain: { uuid }, alias, flags }) => {
      if (flags === libvirt.AFFECT_CONFIG) vms.detachDefined(vms.find(uuid), alias);
      else if (flags === libvirt.AFFECT_LIVE) vms.detach(vms.running(uuid), alias);
      else throw new LibvirtError('live or config', { code: 8, domain: FROM_QEMU });
    },
    domainBlockResize: ({ domain: { uuid }, disk }) => vms.resize(vms.running(uuid), disk),
  };
}
