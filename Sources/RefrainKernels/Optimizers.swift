// The optimizers' updates, elementwise, fused and in place. The formulas are PyTorch's.

extension KernelBuild {
  /// Stochastic gradient descent: g += weightDecay · p; m = momentum · m + g (m = g at the first step); p −=
  /// learningRate · m, or · (g + momentum · m) with Nesterov's momentum. Without a buffer, p −= learningRate · g.
  public static func sgdUpdate(_ arguments: SGDArguments) {
    let (count, parameter, gradient) = (arguments.count, arguments.parameter, arguments.gradient)
    let (learningRate, weightDecay) = (arguments.learningRate, arguments.weightDecay)
    let (momentum, momentumBuffer) = (arguments.momentum, arguments.momentumBuffer)
    let (nesterov, isFirstStep) = (arguments.nesterov, arguments.isFirstStep)
    var vectors = Vectors(count)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      let p = load(parameter + index, lanes)
      let g = multiplyAdd(splat(weightDecay), p, load(gradient + index, lanes))
      var step = g
      if let momentumBuffer {
        let m = isFirstStep ? g : multiplyAdd(splat(momentum), load(momentumBuffer + index, lanes), g)
        store(m, momentumBuffer + index, lanes)
        step = nesterov ? multiplyAdd(splat(momentum), m, g) : m
      }
      store(multiplyAdd(splat(-learningRate), step, p), parameter + index, lanes)
    }
  }

  /// Adam (Kingma and Ba 2015) and, if `decoupled`, AdamW (Loshchilov and Hutter 2019).
  ///
  /// m = β₁ m + (1 − β₁) g; v = β₂ v + (1 − β₂) g²; p −= learningRate / correction1 · m / (√v / √correction2 + ε),
  /// where correction1 = 1 − β₁ᵗ and correction2 = 1 − β₂ᵗ. Weight decay is added to the gradient, or if `decoupled`
  /// taken off the parameter: p −= learningRate · weightDecay · p.
  public static func adamUpdate(_ arguments: AdamArguments) {
    let (count, parameter, gradient) = (arguments.count, arguments.parameter, arguments.gradient)
    let (first, second, beta1, beta2) = (arguments.first, arguments.second, arguments.beta1, arguments.beta2)
    let (learningRate, weightDecay, epsilon) = (arguments.learningRate, arguments.weightDecay, arguments.epsilon)
    let (decoupled, correction1, correction2) = (
      arguments.decoupled, arguments.correction1, arguments.correction2
    )
    let keep = splat(decoupled ? 1 - learningRate * weightDecay : 1)
    let decay = splat(decoupled ? 0 : weightDecay)
    let step = splat(-learningRate / correction1)
    let root = splat(1 / correction2.squareRoot())
    var vectors = Vectors(count)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      let p = load(parameter + index, lanes)
      let g = multiplyAdd(decay, p, load(gradient + index, lanes))
      let old = load(first + index, lanes)
      let m = multiplyAdd(splat(1 - beta1), g - old, old)
      let v = multiplyAdd(splat(1 - beta2) * g, g, splat(beta2) * load(second + index, lanes))
      store(m, first + index, lanes)
      store(v, second + index, lanes)
      let denominator = multiplyAdd(squareRoot(v), root, splat(epsilon))
      store(multiplyAdd(step, m / denominator, keep * p), parameter + index, lanes)
    }
  }

  /// RMSProp (Tieleman and Hinton 2012): s = α s + (1 − α) g²; d = √s + ε, or √(s − a²) + ε with the running mean of
  /// the gradients a = α a + (1 − α) g in `average`; p −= learningRate · g / d, or with a buffer, b = momentum · b + g
  /// / d and p −= learningRate · b. Weight decay is added to the gradient.
  public static func rmspropUpdate(_ arguments: RMSpropArguments) {
    let (count, parameter, gradient) = (arguments.count, arguments.parameter, arguments.gradient)
    let (square, average, alpha) = (arguments.square, arguments.average, arguments.alpha)
    let (momentumBuffer, momentum) = (arguments.momentumBuffer, arguments.momentum)
    let (learningRate, weightDecay, epsilon) = (arguments.learningRate, arguments.weightDecay, arguments.epsilon)
    var vectors = Vectors(count)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      let p = load(parameter + index, lanes)
      let g = multiplyAdd(splat(weightDecay), p, load(gradient + index, lanes))
      let s = multiplyAdd(splat(1 - alpha) * g, g, splat(alpha) * load(square + index, lanes))
      store(s, square + index, lanes)
      var variance = s
      if let average {
        let old = load(average + index, lanes)
        let a = multiplyAdd(splat(1 - alpha), g - old, old)
        store(a, average + index, lanes)
        variance = atLeast(0, multiplyAdd(0 - a, a, s))
      }
      var step = g / (squareRoot(variance) + splat(epsilon))
      if let momentumBuffer {
        step = multiplyAdd(splat(momentum), load(momentumBuffer + index, lanes), step)
        store(step, momentumBuffer + index, lanes)
      }
      store(multiplyAdd(splat(-learningRate), step, p), parameter + index, lanes)
    }
  }

  /// Adagrad (Duchi, Hazan and Singer 2011): s += g²; p −= learningRate · g / (√s + ε), the learning rate already
  /// decayed. Weight decay is added to the gradient.
  public static func adagradUpdate(_ arguments: AdagradArguments) {
    let (count, parameter, gradient) = (arguments.count, arguments.parameter, arguments.gradient)
    let (sum, learningRate, weightDecay, epsilon) = (
      arguments.sum, arguments.learningRate, arguments.weightDecay, arguments.epsilon
    )
    var vectors = Vectors(count)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      let p = load(parameter + index, lanes)
      let g = multiplyAdd(splat(weightDecay), p, load(gradient + index, lanes))
      let s = multiplyAdd(g, g, load(sum + index, lanes))
      store(s, sum + index, lanes)
      store(multiplyAdd(splat(-learningRate), g / (squareRoot(s) + splat(epsilon)), p), parameter + index, lanes)
    }
  }
}
