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
      var p = numbers(count, seed: 2)
      var buffer = [Float](repeating: .nan, count: count)
      for step in 1...3 {
        buffer.withUnsafeMutableBufferPointer { b in
          builds[build].sgdUpdate(
            count, &p, gradient(step), momentum > 0 ? b.baseAddress : nil, Float(rate), Float(momentum), nesterov,
            Float(decay), step == 1)
        }
      }
      let reference = expected(1) { p, g, m, step in
        let g = g + decay * p
        m[0] = step == 1 ? g : momentum * m[0] + g
        p -= rate * (momentum == 0 ? g : nesterov ? g + momentum * m[0] : m[0])
      }
      #expect(difference(p, reference) < 1e-6)
    }
  }

  @Test("Adam and AdamW", arguments: supportedBuilds)
  func adam(build: Int) {
    for decoupled in [false, true] {
      var p = numbers(count, seed: 2)
      var first = [Float](repeating: 0, count: count)
      var second = first
      for step in 1...3 {
        builds[build].adamUpdate(
          count, &p, gradient(step), &first, &second, Float(rate), 0.9, 0.99, 1e-4, Float(decay), decoupled,
          Float(1 - pow(0.9, Double(step))), Float(1 - pow(0.99, Double(step))))
      }
      let reference = expected(2) { p, g, m, step in
        var g = g
        if decoupled { p -= rate * decay * p } else { g += decay * p }
        m[0] = 0.9 * m[0] + 0.1 * g
        m[1] = 0.99 * m[1] + 0.01 * g * g
        let corrected = m[1].squareRoot() / (1 - pow(0.99, Double(step))).squareRoot() + 1e-4
        p -= rate / (1 - pow(0.9, Double(step))) * m[0] / corrected
      }
      #expect(difference(p, reference) < 2e-6)
    }
  }

  @Test("RMSProp: plain, centered, with momentum", arguments: supportedBuilds)
  func rmsprop(build: Int) {
    for (momentum, centered) in [(0.0, false), (0.0, true), (0.8, false), (0.8, true)] {
      var p = numbers(count, seed: 2)
      var square = [Float](repeating: 0, count: count)
      var buffer = square
      var average = square
      for step in 1...3 {
        buffer.withUnsafeMutableBufferPointer { b in
          average.withUnsafeMutableBufferPointer { a in
            builds[build].rmspropUpdate(
              count, &p, gradient(step), &square, momentum > 0 ? b.baseAddress : nil, centered ? a.baseAddress : nil,
              Float(rate), 0.9, 1e-2, Float(decay), Float(momentum))
          }
        }
      }
      let reference = expected(3) { p, g, m, _ in
        let g = g + decay * p
        m[0] = 0.9 * m[0] + 0.1 * g * g
        m[1] = 0.9 * m[1] + 0.1 * g
        let d = (m[0] - (centered ? m[1] * m[1] : 0)).squareRoot() + 1e-2
        m[2] = momentum * m[2] + g / d
        p -= rate * m[2]
      }
      #expect(difference(p, reference) < 5e-6)
    }
  }

  @Test("Adagrad", arguments: supportedBuilds)
  func adagrad(build: Int) {
    var p = numbers(count, seed: 2)
    var sum = [Float](repeating: 0, count: count)
    for step in 1...3 { builds[build].adagradUpdate(count, &p, gradient(step), &sum, Float(rate), 1e-3, Float(decay)) }
    let reference = expected(1) { p, g, m, _ in
      let g = g + decay * p
      m[0] += g * g
      p -= rate * g / (m[0].squareRoot() + 1e-3)
    }
    #expect(difference(p, reference) < 1e-6)
  }
}
