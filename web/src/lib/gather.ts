/** Many single questions asked at about the same time become one call: `ask` waits a moment and calls with up to `most`. */
export class Gather<In, Out> {
  private waiting: { item: In; resolve: (out: Out) => void; reject: (error: unknown) => void }[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `last`: nobody else is about to ask, so that waiting for company is in vain. */
  constructor(
    private readonly call: (items: In[]) => Promise<Out[]>,
    private readonly most = 100,
    private readonly wait = 60,
    private readonly last: () => boolean = () => false,
  ) {}

  ask(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (this.waiting.length >= this.most || this.last()) this.flush();
      else this.timer ??= setTimeout(() => this.flush(), this.wait);
    });
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const group = this.waiting.splice(0, this.most);
    this.call(group.map(({ item }) => item)).then(
      (outs) => group.forEach(({ resolve }, index) => resolve(outs[index]!)),
      (error: unknown) => group.forEach(({ reject }) => reject(error)),
    );
  }
}
