/** What Node says of a certificate chain that ends at nobody who is trusted. */
const UNTRUSTED =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_|CERT_(SIGNATURE|UNTRUSTED|REJECTED))/;

interface Chained {
  code?: string;
  cause?: unknown;
  /** What kafkajs calls the cause. */
  originalError?: unknown;
}

/** Why a TLS connection was refused, in words for people; undefined when the error is of another kind. Looks through causes. */
export function tlsFault(error: unknown): string | undefined {
  for (let next = error; typeof next === 'object' && next !== null;) {
    const { code = '', cause, originalError } = next as Chained;
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'its certificate is for another host name';
    if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return 'its certificate is not valid today';
    if (UNTRUSTED.test(code)) return 'its certificate is signed by nobody who is trusted here';
    if (/^ERR_(SSL|OSSL|TLS)_/.test(code)) return `the TLS handshake failed (${code})`;
    next = cause ?? originalError;
  }
  return undefined;
}
