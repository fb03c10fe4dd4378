import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Matrix products", .serialized)
struct MatrixProductTests {
  @Test(
    "a product with a transposed left operand agrees with the sum of its terms, on any number of threads",
    arguments: [(1, 40, 3), (7, 32, 17), (513, 250, 20), (1100, 70, 65)])
  func transposedLeft(depth: Int, rows: Int, columns: Int) {
    let (a, b) = (ramp([depth, rows], 1), ramp([depth, columns], 2))
    let (x, y) = (a.values, b.values)
    var expected = [Double](repeating: 0, count: rows * columns)
    for k in 0..<depth {
      for r in 0..<rows {
        for c in 0..<columns { expected[r * columns + c] += Double(x[k * rows + r]) * Double(y[k * columns + c]) }
      }
    }
    let threads = Parallelism.threads
    defer { Parallelism.threads = threads }
    var results: [Tensor] = []
    for count in [1, 2, 3] {
      Parallelism.threads = count
      results.append(a.matrixProduct(b, transposingSelf: true))
    }
    expectClose(results[0], Tensor(expected.map(Float.init), shape: [rows, columns]))
    expectSameBits(results[1], results[0])
    expectSameBits(results[2], results[0])
  }

  @Test("a function on the way out of a product is that of the product, to the bit", arguments: Activation.allCases)
  func activations(activation: Activation) {
    for (rows, columns) in [(1, 3), (5, 200), (700, 70)] {
      let operands = [ramp([rows, 9], 1), ramp([columns, 9], 2), ramp([columns], 3)]
      let weights = ramp([rows, columns], 4)
      let (x, weight, bias) = (operands[0], operands[1], operands[2])
      let apart = activation(x.linear(weight: weight, bias: bias))
      expectSameBits(x.linear(weight: weight, bias: bias, activation: activation), apart)
      let found = valueAndGradient(at: operands) {
        ($0[0].linear(weight: $0[1], bias: $0[2], activation: activation) * weights).sum()
      }
      let expected = valueAndGradient(at: operands) {
        (activation($0[0].linear(weight: $0[1], bias: $0[2])) * weights).sum()
      }
      #expect(found.value == expected.value)
      expectSameBits(found.gradient, expected.gradient)
    }
  }
}
