import type { Operator } from '../../src/onnx/operators.ts';
import { elementwiseCases } from './elementwiseCases.ts';
import { matrixCases } from './matrixCases.ts';
import { movementCases } from './movementCases.ts';
import type { OperatorCase } from './operatorCase.ts';
import { reductionCases } from './reductionCases.ts';
import { rotaryCases } from './rotaryCases.ts';

/** Cases of every operator; the compiler refuses the table while an operator has none. */
export const operatorCases: Readonly<Record<Operator, readonly OperatorCase[]>> = {
  ...elementwiseCases,
  ...matrixCases,
  ...reductionCases,
  ...rotaryCases,
  ...movementCases,
};
