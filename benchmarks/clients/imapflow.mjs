// imapflow, and postal-mime for what it fetched; the same job and result as the Python clients.
import { readFileSync } from "node:fs";
import { ImapFlow } from "imapflow";
import PostalMime from "postal-mime";

const WARM_UPS = 3;

function opened(job, [user, accessToken]) {
  const auth = { user, accessToken };
  return new ImapFlow({ host: "localhost", port: job.port, secure: true, auth, logger: false });
}

async function check(job, mailbox) {
  const client = opened(job, mailbox);
  await client.connect();
  await client.status("INBOX", { messages: true, uidNext: true, uidValidity: true });
  await client.logout();
}

async function read(job, mailbox) {
  const client = opened(job, mailbox);
  await client.connect();
  await client.mailboxOpen("INBOX", { readOnly: true });
  const counts = [0, 0];
  for await (const { source } of client.fetch({ seen: false }, { source: true })) {
    counts[0] += 1;
    await PostalMime.parse(source).catch(() => (counts[1] += 1));
  }
  await client.logout();
  return counts;
}

async function checkUntil(job, own, end) {
  const counts = [0, 0];
  while (!counts[0] || performance.now() < end) {
    await check(job, own[counts[0] % own.length]).catch(() => (counts[1] += 1));
    counts[0] += 1;
  }
  return counts;
}

async function checks(job) {
  for (let warm = 0; warm < WARM_UPS; warm++) await check(job, job.mailboxes[0]);
  const result = meter();
  const end = performance.now() + job.seconds * 1000;
  const shares = Array.from({ length: job.at_once }, (_, at) =>
    job.mailboxes.filter((_, number) => number % job.at_once === at),
  );
  const counts = await Promise.all(shares.map((own) => checkUntil(job, own, end)));
  return result(...[0, 1].map((at) => counts.reduce((sum, one) => sum + one[at], 0)));
}

async function backlog(job) {
  const [idle, warmUp, full] = job.mailboxes;
  await check(job, idle);
  const idle_bytes = residentBytes("VmRSS");
  await read(job, warmUp);
  const result = meter(idle_bytes);
  return result(...(await read(job, full)));
}

function meter(idle_bytes = residentBytes("VmRSS")) {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  return (done, failed) => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      done,
      failed,
      seconds: (performance.now() - wall) / 1000,
      cpu_seconds: (user + system) / 1e6,
      idle_bytes,
      peak_bytes: residentBytes("VmHWM"),
    };
  };
}

function residentBytes(line) {
  const found = readFileSync("/proc/self/status", "utf8").match(`${line}:\\s+(\\d+)`);
  return Number(found[1]) * 1024;
}

const job = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(await (job.kind === "backlog" ? backlog : checks)(job)));
process.exit();
