/** Certificates for receivers on this machine, in DER by hand (RFC 5280): neither Node nor Deno makes any. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface Identity {
  /** PEM. */
  key: string;
  /** PEM. */
  cert: string;
}

export interface CertificateOptions {
  /** Names in the certificate. */
  names?: string[];
  /** IPv4 addresses in the certificate. */
  addresses?: string[];
  /** Epoch ms. */
  notBeforeMs?: number;
  notAfterMs?: number;
}

const DAY_MS = 86_400_000;

/** Signs itself. */
export function selfSigned(options: CertificateOptions): Identity {
  const keys = newKeys();
  return issue('receiver', keys, 'receiver', keys.privateKey, leafExtensions(options), options);
}

/** An authority, and what it issues. */
export function authority(name = 'authority'): Identity & { issue(options: CertificateOptions): Identity } {
  const keys = newKeys();
  const own = issue(name, keys, name, keys.privateKey, [CA_EXTENSION], {});
  return {
    ...own,
    issue: (options) => issue('receiver', newKeys(), name, keys.privateKey, leafExtensions(options), options),
  };
}

const SEQUENCE = 0x30, SET = 0x31, OID = 0x06, INTEGER = 0x02, BOOLEAN = 0x01, OCTETS = 0x04, BITS = 0x03;
const UTF8 = 0x0c, TIME = 0x18;
const ECDSA_WITH_SHA256 = der(SEQUENCE, der(OID, '2a8648ce3d040302'));
const CA_EXTENSION = extension('551d13', der(SEQUENCE, der(BOOLEAN, 'ff')));

function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function issue(
  subject: string,
  { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject },
  issuer: string,
  signer: KeyObject,
  extensions: Buffer[],
  { notBeforeMs = Date.now() - DAY_MS, notAfterMs = Date.now() + DAY_MS }: CertificateOptions,
): Identity {
  const content = der(
    SEQUENCE,
    der(0xa0, der(INTEGER, '02')),
    der(INTEGER, '01'),
    ECDSA_WITH_SHA256,
    nameOf(issuer),
    der(SEQUENCE, timeOf(notBeforeMs), timeOf(notAfterMs)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, ...extensions)),
  );
  const signature = sign('sha256', content, signer);
  const certificate = der(SEQUENCE, content, ECDSA_WITH_SHA256, der(BITS, '00', signature));
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

function leafExtensions({ names = [], addresses = [] }: CertificateOptions): Buffer[] {
  const alternatives = [
    ...names.map((name) => der(0x82, Buffer.from(name))),
    ...addresses.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  ];
  return [extension('551d11', der(SEQUENCE, ...alternatives))];
}

function extension(oid: string, value: Buffer): Buffer {
  return der(SEQUENCE, der(OID, oid), der(OCTETS, value));
}

function nameOf(commonName: string): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, der(OID, '550403'), der(UTF8, Buffer.from(commonName)))));
}

function timeOf(ms: number): Buffer {
  return der(TIME, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\..*/g, '')}Z`));
}

/** Tag, length and contents; a string is hexadecimal. */
function der(tag: number, ...contents: (Buffer | string)[]): Buffer {
  const content = Buffer.concat(
    contents.map((part) => typeof part === 'string' ? Buffer.from(part, 'hex') : part),
  );
  const { length } = content;
  const lengthBytes = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content]);
}
