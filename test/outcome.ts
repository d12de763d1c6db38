/** What a generator of progress ends with; `seen` is shown what it yields on the way. */
export async function outcomeOf<Progress, Outcome>(
  events: AsyncGenerator<Progress, Outcome>,
  seen: (progress: Progress) => void = () => undefined,
): Promise<Outcome> {
  for (;;) {
    const { value, done } = await events.next();
    if (done) return value;
    seen(value);
  }
}
