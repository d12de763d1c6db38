import { join } from 'node:path';
import { tuneJsonSchema } from '../src/experiments/schema.ts';
import { writeFileAtomic } from '../src/foundation/files.ts';

/** Writes schemas/tune.schema.json, which editors read, from the zod source. */
await writeFileAtomic(
  join(import.meta.dirname, '../schemas/tune.schema.json'),
  `${JSON.stringify(tuneJsonSchema(), null, 2)}\n`,
);
