import { anyReview } from '../texts/reviews.ts';
import type { Skill } from './task.ts';

/** The category of the reviewed product. */
export const category: readonly Skill[] = [
  {
    name: 'category/name',
    share: 1,
    wording: 'natural',
    instructions: ['Name the product category.', 'Which department sells it?', 'Category:'],
    row: (choices, half) => {
      const review = anyReview(choices, half);
      return { text: review.text, answer: review.category };
    },
  },
];

/** The reviewed product. */
export const product: readonly Skill[] = [
  {
    name: 'product/name',
    share: 1,
    wording: 'natural',
    instructions: ['Which product is reviewed?', 'Name the product.', 'Product:'],
    row: (choices, half) => {
      const review = anyReview(choices, half);
      return { text: review.text, answer: review.product };
    },
  },
];
