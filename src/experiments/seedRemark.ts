import { type ResolvedAdapter, readCard } from './library.ts';

/** That adapters are each of a single training: which of two is better may be their seeds' doing. Null where none is. */
export async function seedRemark(adapters: readonly ResolvedAdapter[]): Promise<string | null> {
  const cards = await Promise.all(
    adapters.map(async ({ dir, label }) => ({ label, experiment: await readCard(dir).then(asTrained, () => null) })),
  );
  const alone = cards.filter(
    ({ experiment }) => experiment !== null && cards.filter((card) => card.experiment === experiment).length === 1,
  );
  if (alone.length === 0) return null;
  const names = alone.map(({ label }) => label).join(', ');
  const verb = alone.length === 1 ? 'rests' : 'rest';
  return `${names} ${verb} on one seed${alone.length === 1 ? '' : ' each'}: how far another one lands, a sweep over seeds says (softprompt sweep).`;
}

/** What an adapter was trained with, but for the seed and what plays no part; null where that is not on record. */
function asTrained(card: Awaited<ReturnType<typeof readCard>>): string | null {
  const experiment = card?.experiment;
  if (typeof experiment !== 'object' || experiment === null) return null;
  const { training, evaluation: _, sweep: __, ...rest } = experiment as Readonly<Record<string, unknown>>;
  return JSON.stringify([rest, { ...(training as object), seed: null }]);
}
