import type { Connection } from './connection.ts';
import { BLOCK_RESIZE_BYTES } from './constants.ts';
import type { CallOptions, Domain } from './domain.ts';
import { procedures } from './procedures.ts';

/**
 * The calls of an open connection. Every call rejects with LibvirtError if libvirt refuses it, with
 * ConnectionLost, CallTimeout or CallAborted if no answer arrived (see `isOutcomeUnknown`), with
 * ProtocolViolation if the answer cannot be decoded, and with InvalidArgument if it cannot be sent. `flags`
 * are libvirt's; the server refuses an unknown bit with code 8.
 */
export interface DomainCalls {
  /** virConnectListAllDomains; `flags` 0 lists all. */
  listDomains(flags?: number, options?: CallOptions): Promise<Domain[]>;
  lookupByName(name: string, options?: CallOptions): Promise<Domain>;
  lookupByUuid(uuid: string, options?: CallOptions): Promise<Domain>;
  /** virDomainState and its reason. */
  domainState(domain: Domain, options?: CallOptions): Promise<{ state: number; reason: number }>;
  /** Whether a domain has a stored definition; false for a transient domain. */
  isPersistent(domain: Domain, options?: CallOptions): Promise<boolean>;
  /**
   * The live XML of a running domain; the definition if it does not run, or with XML_INACTIVE. For a
   * transient domain, XML_INACTIVE returns the live XML too.
   */
  domainXml(domain: Domain, flags?: number, options?: CallOptions): Promise<string>;
  /** The host's capabilities as XML; its `<uuid>` is the host UUID. */
  capabilities(options?: CallOptions): Promise<string>;
  /** Major * 1,000,000 + minor * 1000 + release. */
  libVersion(options?: CallOptions): Promise<number>;
  /** The version of QEMU, in the form of libVersion. */
  hypervisorVersion(options?: CallOptions): Promise<number>;
  hostname(options?: CallOptions): Promise<string>;
  attachDevice(domain: Domain, xml: string, flags: number, options?: CallOptions): Promise<void>;
  /**
   * For a live domain, success means that the guest was asked, not that the device is gone: wait for the
   * event device-removed, or read the live XML.
   */
  detachDeviceByAlias(domain: Domain, alias: string, flags: number, options?: CallOptions): Promise<void>;
  /** Starts a transient domain. */
  createXml(xml: string, flags?: number, options?: CallOptions): Promise<Domain>;
  defineXml(xml: string, flags?: number, options?: CallOptions): Promise<Domain>;
  undefine(domain: Domain, flags?: number, options?: CallOptions): Promise<void>;
  /** Starts a defined domain, from its managed save image if it has one; resolves with its new id. */
  startDomain(domain: Domain, flags?: number, options?: CallOptions): Promise<Domain>;
  destroy(domain: Domain, options?: CallOptions): Promise<void>;
  suspend(domain: Domain, options?: CallOptions): Promise<void>;
  resume(domain: Domain, options?: CallOptions): Promise<void>;
  reset(domain: Domain, options?: CallOptions): Promise<void>;
  /** Writes the VM's memory to an image and stops it; its next start restores it with its plugged disks. */
  managedSave(domain: Domain, flags?: number, options?: CallOptions): Promise<void>;
  hasManagedSave(domain: Domain, options?: CallOptions): Promise<boolean>;
  removeManagedSave(domain: Domain, options?: CallOptions): Promise<void>;
  /** Sets the size of a running VM's `disk` (target or path). libvirt truncates without asking. */
  blockResize(domain: Domain, disk: string, sizeBytes: bigint, options?: CallOptions): Promise<void>;
}

/** The calls of libvirt's domain API over a connection. */
export function domainCalls({ call }: Pick<Connection, 'call'>): DomainCalls {
  const calls: DomainCalls = {
    async listDomains(flags = 0, options) {
      const { domains } = await call(procedures.connectListAllDomains, { needResults: 1, flags }, options);
      return domains;
    },
    lookupByName: async (name, options) =>
      (await call(procedures.domainLookupByName, { name }, options)).domain,
    lookupByUuid: async (uuid, options) =>
      (await call(procedures.domainLookupByUuid, { uuid }, options)).domain,
    domainState: (domain, options) => call(procedures.domainGetState, { domain, flags: 0 }, options),
    domainXml: async (domain, flags = 0, options) =>
      (await call(procedures.domainGetXmlDesc, { domain, flags }, options)).text,
    isPersistent: async (domain, options) =>
      (await call(procedures.domainIsPersistent, { domain }, options)).result === 1,
    capabilities: async options => (await call(procedures.connectGetCapabilities, undefined, options)).text,
    libVersion: async options =>
      Number((await call(procedures.connectGetLibVersion, undefined, options)).version),
    hypervisorVersion: async options =>
      Number((await call(procedures.connectGetVersion, undefined, options)).version),
    hostname: async options => (await call(procedures.connectGetHostname, undefined, options)).text,
    attachDevice: (domain, xml, flags, options) =>
      call(procedures.domainAttachDeviceFlags, { domain, xml, flags }, options),
    detachDeviceByAlias: (domain, alias, flags, options) =>
      call(procedures.domainDetachDeviceAlias, { domain, alias, flags }, options),
    createXml: async (xml, flags = 0, options) =>
      (await call(procedures.domainCreateXml, { xml, flags }, options)).domain,
    defineXml: async (xml, flags = 0, options) =>
      (await call(procedures.domainDefineXmlFlags, { xml, flags }, options)).domain,
    undefine: (domain, flags = 0, options) =>
      call(procedures.domainUndefineFlags, { domain, flags }, options),
    startDomain: async (domain, flags = 0, options) =>
      (await call(procedures.domainCreateWithFlags, { domain, flags }, options)).domain,
    destroy: (domain, options) => call(procedures.domainDestroy, { domain }, options),
    suspend: (domain, options) => call(procedures.domainSuspend, { domain }, options),
    resume: (domain, options) => call(procedures.domainResume, { domain }, options),
    reset: (domain, options) => call(procedures.domainReset, { domain, flags: 0 }, options),
    managedSave: (domain, flags = 0, options) =>
      call(procedures.domainManagedSave, { domain, flags }, options),
    hasManagedSave: async (domain, options) =>
      (await call(procedures.domainHasManagedSaveImage, { domain, flags: 0 }, options)).result === 1,
    removeManagedSave: (domain, options) =>
      call(procedures.domainManagedSaveRemove, { domain, flags: 0 }, options),
    blockResize: (domain, disk, sizeBytes, options) =>
      call(
        procedures.domainBlockResize,
        { domain, disk, size: sizeBytes, flags: BLOCK_RESIZE_BYTES },
        options,
      ),
  };
  return calls;
}
