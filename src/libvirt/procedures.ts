// The procedures that this client calls, from remote_protocol.x. Fields are in wire order.
import type { Domain } from './domain.ts';
import {
  array,
  type Codec,
  chars,
  int32,
  nothing,
  nullable,
  struct,
  text,
  uint32,
  uint64,
  uuid,
} from './xdr.ts';

/** One remote procedure: its number, and the codecs of its arguments and its result. */
export interface Procedure<Args, Result> {
  readonly number: number;
  readonly args: Codec<Args>;
  readonly result: Codec<Result>;
}

/** Most domains in one list (REMOTE_DOMAIN_LIST_MAX). */
const DOMAIN_LIST_MAX = 16_384;
/** Most authentication methods in one list (REMOTE_AUTH_TYPE_LIST_MAX). */
const AUTH_LIST_MAX = 20;

/** Longest message of SASL in bytes (REMOTE_AUTH_SASL_DATA_MAX). */
const SASL_DATA_MAX = 65_536;

/** The codec of remote_nonnull_domain. */
export const domain: Codec<Domain> = struct<Domain>({ name: text, uuid, id: int32 });

const ofDomain = struct({ domain });
const ofDomainFlags = struct({ domain, flags: uint32 });
const xmlFlags = struct({ xml: text, flags: uint32 });
const toDomain = struct({ domain });
const toText = struct({ text });
const saslData = chars(SASL_DATA_MAX);
const saslAnswer = struct({ complete: int32, nil: int32, data: saslData });
const toVersion = struct({ version: uint64 });

function procedure<Args, Result>(
  number: number,
  args: Codec<Args>,
  result: Codec<Result>,
): Procedure<Args, Result> {
  return { number, args, result };
}

/** The procedures by libvirt's names of them. */
export const procedures = {
  connectOpen: procedure(1, struct({ name: nullable(text), flags: uint32 }), nothing),
  connectClose: procedure(2, nothing, nothing),
  connectGetVersion: procedure(4, nothing, toVersion),
  connectGetCapabilities: procedure(7, nothing, toText),
  connectGetHostname: procedure(59, nothing, toText),
  connectSupportsFeature: procedure(60, struct({ feature: int32 }), struct({ supported: int32 })),
  authList: procedure(66, nothing, struct({ types: array(int32, AUTH_LIST_MAX) })),
  authSaslInit: procedure(67, nothing, toText),
  authSaslStart: procedure(68, struct({ mechanism: text, nil: int32, data: saslData }), saslAnswer),
  authSaslStep: procedure(69, struct({ nil: int32, data: saslData }), saslAnswer),
  authPolkit: procedure(70, nothing, struct({ complete: int32 })),
  connectGetLibVersion: procedure(157, nothing, toVersion),
  connectListAllDomains: procedure(
    273,
    struct({ needResults: int32, flags: uint32 }),
    struct({ domains: array(domain, DOMAIN_LIST_MAX), count: uint32 }),
  ),
  connectRegisterEvent: procedure(
    316,
    struct({ event: int32, domain: nullable(domain) }),
    struct({ callback: int32 }),
  ),
  domainCreateXml: procedure(10, xmlFlags, toDomain),
  domainDestroy: procedure(12, ofDomain, nothing),
  domainGetXmlDesc: procedure(14, ofDomainFlags, toText),
  domainLookupByName: procedure(23, struct({ name: text }), toDomain),
  domainLookupByUuid: procedure(24, struct({ uuid }), toDomain),
  domainResume: procedure(28, ofDomain, nothing),
  domainSuspend: procedure(34, ofDomain, nothing),
  domainAttachDeviceFlags: procedure(160, struct({ domain, xml: text, flags: uint32 }), nothing),
  domainIsPersistent: procedure(151, ofDomain, struct({ result: int32 })),
  domainManagedSave: procedure(182, ofDomainFlags, nothing),
  domainHasManagedSaveImage: procedure(183, ofDomainFlags, struct({ result: int32 })),
  domainManagedSaveRemove: procedure(184, ofDomainFlags, nothing),
  domainCreateWithFlags: procedure(196, ofDomainFlags, toDomain),
  domainGetState: procedure(212, ofDomainFlags, struct({ state: int32, reason: int32 })),
  domainUndefineFlags: procedure(231, ofDomainFlags, nothing),
  domainReset: procedure(245, ofDomainFlags, nothing),
  domainBlockResize: procedure(251, struct({ domain, disk: text, size: uint64, flags: uint32 }), nothing),
  domainDefineXmlFlags: procedure(350, xmlFlags, toDomain),
  domainDetachDeviceAlias: procedure(392, struct({ domain, alias: text, flags: uint32 }), nothing),
};
