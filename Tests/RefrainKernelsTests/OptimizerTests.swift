import RefrainKernels
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Each update, three times over, against PyTorch's formula in double precision.
@Suite struct OptimizerTests {
  let count = 37
  let rate = 0.05
  let decay = 0.02

  func gradient(_ step: Int) -> [Float] { numbers(count, seed: 20 + step) }

  /// The parameters before the first step.
  func start() -> (Memory, UnsafeMutablePointer<Float>) {
    let memory = Memory()
    return (memory, memory(numbers(count, seed: 2)))
  }

  func zeros(_ memory: Memory) -> UnsafeMutablePointer<Float> { memory([Float](repeating: 0, count: count)) }

  /// The parameters after three steps, each element by itself; `update` takes (p, g, its slots, step from 1).
  func expected(_ slots: Int, _ update: (inout Double, Double, inout [Double], Int) -> Void) -> [Double] {
    let start = numbers(count, seed: 2)
    return (0..<count).map { i in
      var p = Double(start[i])
      var state = [Double](repeating: 0, count: slots)
      for step in 1...3 { update(&p, Double(gradient(step)[i]), &state, step) }
      return p
    }
  }

  @Test("Gradient descent: plain, momentum, Nesterov", arguments: supportedBuilds)
  func sgd(build: Int) {
    for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
      let (memory, p) = start()
      let buffer: UnsafeMutablePointer<Float> = memory([Float](repeating: .nan, count: count))
      for step in 1...3 {
        builds[build].sgdUpdate(
          SGDArguments(
            count: count, parameter: p, gradient: memory(gradient(step)), momentumBuffer: momentum > 0 ? buffer : nil,
            learningRate: Float(rate), momentum: Float(momentum), nesterov: nesterov, weightDecay: Float(decay),
            isFirstStep: step == 1))
      }
      let reference = expected(1) { p, g, m, step in
        let g = g + decay * p
        m[0] = step == 1 ? g : momentum * m[0] + g
        p -= rate * (momentum == 0 ? g : nesterov ? g + momentum * m[0] : m[0])
      }
      #expect(difference(memory.values(p, count), reference) < 1e-6)
    }
  }

  @Test("Adam and AdamW", arguments: supportedBuilds)
  func adam(build: Int) {
    for decoupled in [false, true] {
      let (memory, p) = start()
      let (first, second) = (zeros(memory), zeros(memory))
      for step in 1...3 {
        builds[build].adamUpdate(
          AdamArguments(
            count: count, parameter: p, gradient: memory(gradient(step)), first: first, second: second,
            learningRate: Float(rate), beta1: 0.9, beta2: 0.99, epsilon: 1e-4, weightDecay: Float(decay),
            decoupled: decoupled, correction1: Float(1 - pow(0.9, Double(step))),
            correction2: Float(1 - pow(0.99, Double(step)))))
      }
      let reference = expected(2) { p, g, m, step in
        var g = g
        if decoupled { p -= rate * decay * p } else { g += decay * p }
        m[0] = 0.9 * m[0] + 0.1 * g
        m[1] = 0.99 * m[1] + 0.01 * g * g
        let corrected = m[1].squareRoot() / (1 - pow(0.99, Double(step))).squareRoot() + 1e-4
        p -= rate / (1 - pow(0.9, Double(step))) * m[0] / corrected
      }
      #expect(difference(memory.values(p, count), reference) < 2e-6)
    }
  }

  @Test("RMSProp: plain, centered, with momentum", arguments: supportedBuilds)
  func rmsprop(build: Int) {
    for (momentum, centered) in [(0.0, false), (0.0, true), (0.8, false), (0.8, true)] {
      let (memory, p) = start()
      let (square, buffer, average) = (zeros(memory), zeros(memory), zeros(memory))
      for step in 1...3 {
        builds[build].rmspropUpdate(
          RMSpropArguments(
            count: count, parameter: p, gradient: memory(gradient(step)), square: square,
            momentumBuffer: momentum > 0 ? buffer : nil, average: centered ? average : nil, learningRate: Float(rate),
            alpha: 0.9, epsilon: 1e-2, weightDecay: Float(decay), momentum: Float(momentum)))
      }
      let reference = expected(3) { p, g, m, _ in
        let g = g + decay * p
        m[0] = 0.9 * m[0] + 0.1 * g * g
        m[1] = 0.9 * m[1] + 0.1 * g
        let d = (m[0] - (centered ? m[1] * m[1] : 0)).squareRoot() + 1e-2
        m[2] = momentum * m[2] + g / d
        p -= rate * m[2]
      }
      #expect(difference(memory.values(p, count), reference) < 5e-6)
    }
  }

  @Test("Adagrad", arguments: supportedBuilds)
  func adagrad(build: Int) {
    let (memory, p) = start()
    let sum = zeros(memory)
    for step in 1...3 {
      builds[build].adagradUpdate(
        AdagradArguments(
          count: count, parameter: p, gradient: memory(gradient(step)), sum: sum, learningRate: Float(rate),
          epsilon: 1e-3, weightDecay: Float(decay)))
    }
    let reference = expected(1) { p, g, m, _ in
      let g = g + decay * p
      m[0] += g * g
      p -= rate * g / (m[0].squareRoot() + 1e-3)
    }
    #expect(difference(memory.values(p, count), reference) < 1e-6)
  }
}
