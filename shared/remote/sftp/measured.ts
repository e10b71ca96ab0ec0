/** `software` is `SSH-2.0-…`, as the server calls itself. */
const measured = /^SSH-2\.0-(OpenSSH|mod_sftp|Go\b|AWS_SFTP)/;
const patient = /^SSH-2\.0-(OpenSSH|mod_sftp)/;
const mostPatient = /^SSH-2\.0-OpenSSH/;

/** Servers that were measured: they answer the READDIRs of one handle in order, and take hundreds of open handles. */
export function isMeasured(software: string): boolean {
  return measured.test(software);
}

/** Servers that were seen to take data for a subsystem that they have not granted yet. */
export function takesEarlyData(software: string): boolean {
  return patient.test(software);
}

/**
 * Servers that were seen to take a request for a channel behind a login, whether they grant that or not: mod_sftp ends the
 * connection where it does not, and perhaps another way to log in would have done.
 */
export function takesEarlyChannel(software: string): boolean {
  return mostPatient.test(software);
}
