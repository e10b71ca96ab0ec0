import { opensshMissing, startOpenSsh } from '../../servers/openssh.ts';
import { proftpdMissing, startProftpd } from '../../servers/proftpd.ts';
import { pureFtpdMissing, startPureFtpd } from '../../servers/pure-ftpd.ts';
import type { StartOptions, TestServer } from '../../servers/test-server.ts';
import { startVsftpd, vsftpdMissing } from '../../servers/vsftpd.ts';

export const serverNames = [
  'openssh',
  'pure-ftpd',
  'vsftpd',
  'vsftpd-ftps',
  'proftpd',
  'proftpd-chroot',
] as const;
export type ServerName = (typeof serverNames)[number];

type Place = Required<Pick<StartOptions, 'directory' | 'port'>>;

interface Kind {
  readonly title: string;
  /** Whether its listings hold times that rclone takes; else rclone asks for them file by file. */
  readonly timesInListings: boolean;
  /** Scans, each more than a minute after the one before, until Farwatch trusts its looks at directories. */
  readonly scansToTrust: number;
  missing(): string | undefined;
  start(place: Place): Promise<TestServer>;
}

export const serverKinds: Readonly<Record<ServerName, Kind>> = {
  openssh: {
    title: 'SFTP (OpenSSH)',
    timesInListings: true,
    scansToTrust: 0,
    missing: opensshMissing,
    // Any command: `find` on the server itself is the limit that all are measured by.
    start: (place) => startOpenSsh({ ...place, commands: 'any' }),
  },
  'pure-ftpd': {
    title: 'FTP (Pure-FTPd)',
    timesInListings: true,
    scansToTrust: 1,
    missing: pureFtpdMissing,
    start: startPureFtpd,
  },
  vsftpd: {
    title: 'FTP (vsftpd)',
    timesInListings: false,
    scansToTrust: 0,
    missing: vsftpdMissing,
    start: startVsftpd,
  },
  'vsftpd-ftps': {
    title: 'FTPS (vsftpd)',
    timesInListings: false,
    scansToTrust: 0,
    missing: vsftpdMissing,
    start: (place) => startVsftpd({ ...place, tls: 'explicit' }),
  },
  proftpd: {
    title: 'FTP (ProFTPD)',
    timesInListings: true,
    scansToTrust: 2,
    missing: proftpdMissing,
    start: startProftpd,
  },
  // It looks for a configuration of its own in each directory above each entry, up to the root that the user has.
  'proftpd-chroot': {
    title: 'FTP (ProFTPD, DefaultRoot)',
    timesInListings: true,
    scansToTrust: 2,
    missing: proftpdMissing,
    start: (place) => startProftpd({ ...place, chroot: true }),
  },
};
