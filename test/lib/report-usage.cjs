// Preloaded into a measured process: writes what it used to descriptor 3, whichever way it ends by itself.
const { writeSync } = require('node:fs');

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const usage = { cpuMs: (userCPUTime + systemCPUTime) / 1000, rssMiB: maxRSS / 1024 };
  writeSync(3, JSON.stringify(usage));
});
