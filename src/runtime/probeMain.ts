import type { Device } from './devices.ts';
import { probe } from './probe.ts';

// The process that probes one device: its name comes as an argument, the result goes to standard output.
void probe(process.argv[2] as Device).then((result) => process.stdout.write(JSON.stringify(result)));
