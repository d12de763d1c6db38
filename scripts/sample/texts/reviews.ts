import type { Choices } from '../choices.ts';
import { fill, fillersOf, type Half, words } from '../fillers.ts';

export const sentiments = ['positive', 'negative'] as const;
export type Sentiment = (typeof sentiments)[number];

/** A product review with what is known of it. */
export interface Review {
  readonly text: string;
  readonly sentiment: Sentiment;
  readonly category: Category;
  readonly product: string;
}

/** Words of praise and of blame; no word is made from one of the other list. */
export const opinions: Readonly<Record<Sentiment, readonly string[]>> = {
  positive: words(`great excellent superb wonderful lovely perfect brilliant fantastic delightful amazing splendid
    neat charming pleasant reliable sturdy solid elegant beautiful gorgeous comfortable handy useful clever
    sublime marvelous terrific awesome stunning superior durable robust smooth graceful refined tidy stylish
    genius cozy fine mighty snug fabulous glorious deluxe practical precise ideal`),
  negative: words(`terrible awful horrible poor dreadful useless flimsy broken ugly cheap weak faulty defective annoying
    clumsy shoddy nasty lousy pathetic miserable ghastly vile abysmal dire wobbly fragile brittle leaky noisy
    rusty sloppy crooked worthless dismal lame irritating painful shabby mediocre tacky crude rough
    sticky stale dull bland hopeless messy`),
};

/** Products by category. */
export const products = {
  kitchen: words('kettle toaster blender skillet teapot grater whisk juicer'),
  audio: words('headset speaker turntable microphone amplifier radio soundbar earpiece'),
  garden: words('rake hose shovel sprinkler trowel wheelbarrow pruner greenhouse'),
  toys: words('puzzle kite robot doll yoyo spinner racecar trampoline'),
  clothing: words('jacket scarf sweater raincoat hoodie beanie belt cardigan'),
  office: words('stapler notebook binder shredder pen desk calculator whiteboard'),
  sports: words('racket helmet dumbbell treadmill football skateboard paddle wetsuit'),
  travel: words('suitcase backpack tent hammock compass duffel thermos cooler'),
  lighting: words('lamp lantern flashlight chandelier candle torch spotlight nightlight'),
  pets: words('leash birdcage aquarium collar scratcher kennel feeder litterbox'),
} as const satisfies Record<string, readonly string[]>;
export type Category = keyof typeof products;
export const categories = Object.keys(products) as Category[];

/** Sides of a product that a review speaks of. */
export const aspects: readonly string[] = words(`handle color battery screen price size weight material design sound
  surface button cable lid strap zipper finish grip packaging manual smell shape warranty delivery service fit texture
  edge base cover`);

const templates = [
  'This {product} is {opinion}.',
  'The {product} is {opinion} and the {aspect} is {opinion2}.',
  'Honestly {opinion}: the {aspect} of my {product} is {opinion2}.',
  'I bought this {product} last week and the {aspect} is {opinion}.',
  'My {product} came today: {opinion} {aspect}, {opinion2} {aspect2}.',
  'The {aspect} of the {product} is {opinion}, really {opinion2}.',
  'We found the {product} {opinion} and its {aspect} {opinion2}.',
  'Quite {opinion} for a {product}, and the {aspect} feels {opinion2}.',
];

/** A review that praises or blames throughout. */
export function reviewOf(sentiment: Sentiment, choices: Choices, half: Half): Review {
  const category = choices.pick(categories);
  const product = choices.pick(fillersOf(products[category], half));
  const [opinion, opinion2] = choices.sample(fillersOf(opinions[sentiment], half), 2) as [string, string];
  const [aspect, aspect2] = choices.sample(fillersOf(aspects, half), 2) as [string, string];
  const text = fill(choices.pick(templates), { product, opinion, opinion2, aspect, aspect2 });
  return { text, sentiment, category, product };
}

/** Any review. */
export function anyReview(choices: Choices, half: Half): Review {
  return reviewOf(choices.pick(sentiments), choices, half);
}
