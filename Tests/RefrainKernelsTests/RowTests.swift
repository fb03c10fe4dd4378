import RefrainKernels
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct RowTests {

  @Test("Reductions agree with double precision, at any length", arguments: supportedBuilds)
  func reductions(build: Int) {
    for count in [0, 1, 3, 16, 67, 4096, 10_001] {
      let x = numbers(count, seed: 2).map { $0 + 0.1 }
      let y = numbers(count, seed: 3)
      let scale = max(1, Double(count).squareRoot())
      let sum = x.doubles.reduce(0, +)
      let squares = x.doubles.map { $0 * $0 }.reduce(0, +)
      let products = zip(x.doubles, y.doubles).map { $0 * $1 }.reduce(0, +)
      #expect(abs(Double(builds[build].sum(count, x)) - sum) < 1e-6 * scale * 4)
      #expect(abs(Double(builds[build].sumOfSquares(count, x)) - squares) < 1e-6 * scale * 4)
      let dotError = abs(Double(builds[build].dot(count, x, y)) - products)
      #expect(dotError < 1e-6 * scale * 4, "\(count)")
      let isFinite = builds[build].allFinite(count, x)
      #expect(isFinite)
      guard count > 0 else { continue }
      for place in [0, count / 2, count - 1] {
        for bad in [Float.nan, .infinity, -.infinity] {
          var z = x
          z[place] = bad
          let isFinite = builds[build].allFinite(count, z)
          #expect(!isFinite)
        }
      }
    }
    let x = numbers(600 * 151, seed: 4)
    var y = [Float](repeating: 1, count: 150)
    builds[build].sumRows(600, 149, x, 151, &y)
    var expected = [Double](repeating: 1, count: 150)
    for r in 0..<600 { for c in 0..<149 { expected[c] += Double(x[r * 151 + c]) } }
    #expect(difference(y, expected) < 1e-5)
  }

  func softmax(_ x: [Double]) -> [Double] {
    let largest = x.max()!
    let e = x.map { exp($0 - largest) }
    let sum = e.reduce(0, +)
    return e.map { $0 / sum }
  }

  @Test(
    "Softmax, its logarithm and their gradients agree with the formulas, for large logits too",
    arguments: supportedBuilds)
  func softmaxes(build: Int) {
    for (rows, columns, scale) in [(1, 1, 1.0), (3, 10, 5), (2, 67, 200), (5, 16, 0.1), (2, 2100, 4)] {
      let x = numbers(rows * columns, seed: 3, scale: scale)
      let dy = numbers(rows * columns, seed: 4)
      var y = x
      var logY = x
      var dx = x
      var logDx = x
      builds[build].softmaxRows(rows, columns, x, &y)
      builds[build].logSoftmaxRows(rows, columns, x, &logY)
      builds[build].softmaxGradientRows(rows, columns, y, dy, &dx)
      builds[build].logSoftmaxGradientRows(rows, columns, logY, dy, &logDx)
      for r in 0..<rows {
        let range = r * columns..<(r + 1) * columns
        let p = softmax(Array(x[range]).doubles)
        let d = Array(dy[range]).doubles
        let mean = zip(p, d).map { $0 * $1 }.reduce(0, +)
        let total = d.reduce(0, +)
        let logarithms = p.map { $0 == 0 ? -400 : log($0) }
        let gradient = zip(p, d).map { $0 * ($1 - mean) }
        let logGradient = zip(p, d).map { $1 - $0 * total }
        #expect(difference(Array(y[range]), p) < 2e-6)
        #expect(difference(Array(logY[range]), logarithms) < 3e-6)
        #expect(difference(Array(dx[range]), gradient) < 3e-6)
        #expect(difference(Array(logDx[range]), logGradient) < 1e-5)
      }
    }
    var masked: [Float] = [1, -.infinity, 1]
    builds[build].softmaxRows(1, 3, masked, &masked)
    #expect(masked == [0.5, 0, 0.5])
  }

  /// Losses and gradient of cross entropy, the gradient in the place of the logits.
  func crossEntropy(
    build: Int, _ logits: [Float], _ targets: [Int], factors: [Float], smoothing: Float = 0
  ) -> (losses: [Float], gradient: [Float]) {
    let (rows, columns) = (targets.count, logits.count / targets.count)
    var losses = [Float](repeating: 9, count: rows)
    let memory = Memory()
    let gradient: UnsafeMutablePointer<Float> = memory(logits)
    let arguments = CrossEntropyArguments(
      rows: rows, columns: columns, logits: gradient, targets: memory(targets), smoothing: smoothing,
      maxima: memory(losses), sums: memory(losses))
    builds[build].crossEntropyRows(arguments, &losses)
    builds[build].crossEntropyGradientRows(arguments, factors, gradient)
    return (losses, memory.values(gradient, logits.count))
  }

  @Test(
    "Cross entropy and its gradient agree with double precision, for 10,000 classes and logits that rise too",
    arguments: supportedBuilds)
  func crossEntropy(build: Int) {
    for (columns, smoothing, slope) in [(2, Float(0), Float(0)), (11, 0.1, 0), (70, 0.25, 1), (10_000, 0.1, 0.003)] {
      // Rising logits bring a new maximum in every block.
      let x = numbers(4 * columns, seed: 3, scale: 6).enumerated().map { $1 + slope * Float($0 % columns) }
      let targets = [1, 0, columns / 2, columns - 1]
      let factors: [Float] = [1, 2, 0.5, -3]
      let found = crossEntropy(build: build, x, targets, factors: factors, smoothing: smoothing)
      var losses: [Double] = []
      var gradient: [Double] = []
      let e = Double(smoothing)
      for r in 0..<4 {
        let row = Array(x[r * columns..<(r + 1) * columns]).doubles
        let largest = row.max()!
        let logSum = largest + log(row.map { exp($0 - largest) }.reduce(0, +))
        losses.append((1 - e) * (logSum - row[targets[r]]) + e * (logSum - row.reduce(0, +) / Double(columns)))
        for c in 0..<columns {
          let target = (c == targets[r] ? 1 - e : 0) + e / Double(columns)
          gradient.append(Double(factors[r]) * (exp(row[c] - logSum) - target))
        }
      }
      #expect(difference(found.losses, losses) < 3e-6, "\(columns)")
      #expect(difference(found.gradient, gradient) < 3e-6, "\(columns)")
    }
  }

  @Test("Cross entropy of infinite logits and of NaN, wherever they stand", arguments: supportedBuilds)
  func crossEntropyOfInfinities(build: Int) {
    for columns in [3, 67, 5000] {
      for place in [1, columns / 2, columns - 1] {
        // A logit of −∞ is a class that cannot be, be it a whole block of them.
        var x = [Float](repeating: -.infinity, count: columns)
        x[0] = 1
        x[place] = 1
        let masked = crossEntropy(build: build, x, [0], factors: [1])
        #expect(abs(masked.losses[0] - 0.693_147_2) < 1e-6)
        for c in 0..<columns {
          #expect(abs(masked.gradient[c] - (c == 0 ? -0.5 : c == place ? 0.5 : 0)) < 1e-6)
        }
        x[0] = -.infinity
        #expect(crossEntropy(build: build, x, [0], factors: [1]).losses[0] == .infinity)
        #expect(crossEntropy(build: build, x, [place], factors: [1]).losses[0] == 0)
        for bad in [Float.nan, .infinity] {
          var x = numbers(columns)
          x[place] = bad
          let found = crossEntropy(build: build, x, [0], factors: [1])
          #expect(found.losses[0].isNaN && found.gradient[place].isNaN)
        }
      }
      let nothing = [Float](repeating: -.infinity, count: columns)
      #expect(crossEntropy(build: build, nothing, [0], factors: [1]).losses[0].isNaN)
    }
  }

  @Test("Layer normalization agrees with the formula, and its gradient with differences", arguments: supportedBuilds)
  func layerNorm(build: Int) {
    for columns in [1, 5, 16, 37] {
      let rows = 3
      let x = numbers(rows * columns, seed: 1, scale: 2).map { $0 + 1 }
      let gain = numbers(columns, seed: 2)
      let shift = numbers(columns, seed: 3)
      let dy = numbers(rows * columns, seed: 4)
      func formula(_ x: [Double], _ gain: [Double], _ shift: [Double]) -> [Double] {
        var y: [Double] = []
        for r in 0..<rows {
          let row = x[r * columns..<(r + 1) * columns]
          let mean = row.reduce(0, +) / Double(columns)
          let variance = row.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(columns)
          for (c, value) in row.enumerated() {
            y.append((value - mean) / (variance + 0.01).squareRoot() * gain[c] + shift[c])
          }
        }
        return y
      }
      func loss(_ x: [Double], _ gain: [Double], _ shift: [Double]) -> Double {
        zip(formula(x, gain, shift), dy).map { $0 * Double($1) }.reduce(0, +)
      }
      func gradient(_ values: [Double], _ loss: ([Double]) -> Double) -> [Double] {
        values.indices.map { i in
          var moved = values
          moved[i] += 1e-5
          let above = loss(moved)
          moved[i] -= 2e-5
          return (above - loss(moved)) / 2e-5
        }
      }
      let memory = Memory()
      let zeros = [Float](repeating: 0, count: rows)
      var norm = LayerNormArguments(
        rows: rows, columns: columns, epsilon: 0.01, x: memory(x), xStride: columns, gain: memory(gain),
        shift: memory(shift), accumulate: false, y: memory(x), yStride: columns, means: memory(zeros),
        inverseDeviations: memory(zeros))
      builds[build].layerNormRows(norm)
      let once = memory.values(norm.y, x.count)
      #expect(difference(once, formula(x.doubles, gain.doubles, shift.doubles)) < 3e-6)
      norm.accumulate = true
      builds[build].layerNormRows(norm)
      #expect(memory.values(norm.y, x.count) == once.map { $0 + $0 })
      let ones = [Float](repeating: 1, count: columns)
      let (gainSums, shiftSums): (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) = (
        memory(ones), memory(ones)
      )
      let gradients = LayerNormGradientArguments(
        rows: rows, columns: columns, x: norm.x, xStride: columns, gain: norm.gain, means: norm.means,
        inverseDeviations: norm.inverseDeviations, dy: memory(dy), dyStride: columns, dx: memory(x), dxStride: columns,
        dgain: gainSums, dshift: shiftSums, sumStride: 0, rowsPerSum: 1)
      builds[build].layerNormGradientRows(gradients)
      let dx = memory.values(gradients.dx, x.count)
      let (dgain, dshift) = (memory.values(gainSums, columns), memory.values(shiftSums, columns))
      let (xs, gains, shifts) = (x.doubles, gain.doubles, shift.doubles)
      #expect(difference(dx, gradient(xs) { loss($0, gains, shifts) }) < 2e-5)
      let expectedGain = gradient(gains) { loss(xs, $0, shifts) }.map { $0 + 1 }
      let expectedShift = gradient(shifts) { loss(xs, gains, $0) }.map { $0 + 1 }
      #expect(difference(dgain, expectedGain) < 1e-5)
      #expect(difference(dshift, expectedShift) < 1e-5)
    }
  }
}
