/** The example of the design, which the README shows too. */
export const example = `
servers:
  partner-a:
    protocol: sftp                    # sftp | ftp | ftps | ftps-implicit
    host: sftp.partner-a.example
    port: 22
    username: acme
    auth: { password: env:PARTNER_A_PASSWORD }
    hostKey: trust-on-first-use       # or SHA256:…
    connections: 4
  old-ftp:
    protocol: ftp                     # in the clear: needs insecure: true
    insecure: true
    host: 192.0.2.7
    username: acme
    auth: { password: secret:farwatch/old-ftp }
watches:
  incoming:
    server: partner-a
    root: /incoming
    include: ["**/*.csv"]
    exclude: ["archive/**"]
    every: 5m                         # or cron: "*/5 6-20 * * 1-5" with timezone: Europe/Berlin
    initial: baseline                 # or emit
    settle: 0s
    deletes: { confirm: 1, maxPercent: 20 }
    moves: true
    tenant: acme
outputs:
  - { type: stdout }
  - { type: webhook, url: "https://hooks.example/", headers: { Authorization: env:HOOK_TOKEN } }
`;
