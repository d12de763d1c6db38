/** A table of figures, ready to be shown: the panel makes elements of it, a report makes markup. */
export interface FigureTable {
  readonly title: string;
  /** What its columns are, where their headings do not say it. */
  readonly caption: string | null;
  /** Headings, that of the rows' names first. */
  readonly head: readonly string[];
  readonly rows: readonly FigureRow[];
}

/** A row: whose figures they are, and the figures. */
export interface FigureRow {
  readonly name: string;
  readonly cells: readonly FigureCell[];
}

/** One figure. */
export interface FigureCell {
  readonly text: string;
  /** What it is beside another figure, shown small. */
  readonly note?: string;
  /** Whether it is for better or worse; absent where it is neither. */
  readonly tone?: 'better' | 'worse';
}
