import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Gradients of tensor operations agree with central differences")
struct TensorGradientTests {
  private let x = ramp([2, 3, 4], 0.2)
  private let positive = ramp([2, 3, 4], 0.2) * 0.4 + 1

  @Test("functions of one operand")
  func functions() {
    for activation in Activation.allCases {
      // A smaller step: of several functions many values lie near a kink.
      expectGradientMatchesDifferences(at: x, step: 0.005, "\(activation)") { [activation($0)] }
    }
    expectGradientMatchesDifferences(at: x, "squared") { [$0.squared] }
    expectGradientMatchesDifferences(at: x, "abs") { [abs($0)] }
    expectGradientMatchesDifferences(at: x, "negated") { [-$0] }
    expectGradientMatchesDifferences(at: x, "clamped") { [$0.clamped(-0.5...0.4)] }
    expectGradientMatchesDifferences(at: positive, "reciprocal") { [$0.reciprocal] }
    expectGradientMatchesDifferences(at: positive, "logarithm") { [log($0)] }
    expectGradientMatchesDifferences(at: positive, "square root") { [sqrt($0)] }
    expectGradientMatchesDifferences(at: x, "exponential") { [exp($0)] }
    expectGradientMatchesDifferences(at: x, "log-softmax") { [$0.logSoftmax()] }
  }

  @Test("arithmetic with numbers, on either side")
  func numbers() {
    expectGradientMatchesDifferences(at: positive) { [$0 + 2, 2 + $0, $0 - 2, 2 - $0, $0 * 3, 3 * $0, $0 / 3, 3 / $0] }
    expectGradientMatchesDifferences(at: positive) { x in
      var y = x
      y += x
      y *= x
      y -= x * 0.5
      y /= x + 3
      y *= 2
      return [y]
    }
  }

  @Test("the greater and the smaller of two, broadcast")
  func extrema() {
    let pair = [x, ramp([3, 1], 4)]
    expectGradientMatchesDifferences(at: pair) { [maximum($0[0], $0[1]), minimum($0[0], $0[1])] }
  }

  @Test("where two values are equal, the whole gradient goes to the first")
  func ties() {
    let pair = [Tensor([1, 2, 3]), Tensor([1, 5, 0])]
    let greatest = valueAndGradient(at: pair) { maximum($0[0], $0[1]).sum() }.gradient
    #expect(greatest[0].values == [1, 0, 1] && greatest[1].values == [0, 1, 0])
    let least = valueAndGradient(at: pair) { minimum($0[0], $0[1]).sum() }.gradient
    #expect(least[0].values == [1, 1, 0] && least[1].values == [0, 0, 1])
    let row = valueAndGradient(at: Tensor([[2, 7, 7, 1]])) { $0.maximum(axis: -1).sum() }.gradient
    #expect(row.values == [0, 1, 0, 0])
  }

  @Test(
    "reductions over any axes, kept or dropped", arguments: [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2], []])
  func reductions(axes: [Int]) {
    expectGradientMatchesDifferences(at: x) { x in
      [
        x.sum(axes: axes), x.mean(axes: axes, keepingAxes: true), x.sum(axes: axes.map { $0 - 3 }),
        x * x.sum(axes: axes, keepingAxes: true),
      ]
    }
  }

  @Test("reductions of everything, and the greatest of each row")
  func wholeReductions() {
    expectGradientMatchesDifferences(at: x) { [$0.sum(), $0.mean(), $0.maximum(axis: -1)] }
  }

  @Test(
    "axes in any order",
    arguments: [
      [0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1], [0, 3, 1, 2], [3, 0, 1, 2], [1, 3, 0, 2],
    ])
  func orders(order: [Int]) {
    let x = ramp([2, 3, 4, 5])
    let y = x.transposed(order)
    #expect(y.shape == order.map { x.shape[$0] })
    for element in 0..<x.count {
      let from = place(element, in: x.shape)
      let to = order.map { from[$0] }
      #expect(y[to[0], to[1], to[2], to[3]] == x[from[0], from[1], from[2], from[3]])
    }
    let weights = ramp(y.shape, 3)
    let gradient = valueAndGradient(at: x) { ($0.transposed(order) * weights).sum() }.gradient
    let inverse = (0..<4).map { order.firstIndex(of: $0)! }
    expectSameBits(gradient, weights.transposed(inverse))
  }

  @Test("pieces, joins, repeats and rows")
  func arrangements() {
    expectGradientMatchesDifferences(at: x) { x in
      [
        x.slice(1..<2, axis: 0), x.slice(0..<2, axis: 1), x.slice(2..<2, axis: 2), x.at(1, axis: 2),
        concatenate([x, x.slice(0..<1, axis: 1), x], axis: 1), stack([x, x * 2], axis: -1),
        x.reshaped([4, -1]), x.sum(axes: [1], keepingAxes: true).expanded(to: [5, 2, 3, 4]),
        x.gatheringRows([1, 0, 1, 1]), x.scatteringRows(to: [3, 1], count: 5),
      ]
    }
  }

  @Test("matrix products of a vector, and of a batch with one matrix")
  func products() {
    let operands = [ramp([4]), x, ramp([4, 5], 2), ramp([5, 4], 3)]
    expectGradientMatchesDifferences(at: operands) { x in
      [
        x[0].matrixProduct(x[2]), x[0].matrixProduct(x[3], transposingOther: true), x[1].matrixProduct(x[2]),
        x[1].matrixProduct(x[3], transposingOther: true),
      ]
    }
  }

  @Test("a dense map of a vector, a matrix and a batch")
  func linear() {
    let operands = [ramp([4]), ramp([2, 4], 1), x, ramp([5, 4], 2), ramp([5], 3)]
    expectGradientMatchesDifferences(at: operands) { x in x[..<3].map { $0.linear(weight: x[3], bias: x[4]) } }
  }

  @Test("layer norm")
  func layerNorm() {
    let operands = [ramp([2, 3, 5], scale: 2), ramp([5], 1), ramp([5], 2)]
    expectGradientMatchesDifferences(at: operands) { x in
      var layer = LayerNorm(size: 5, epsilon: 0.1)
      (layer.weight, layer.bias) = (x[1], x[2])
      return [layer(x[0])]
    }
  }

  @Test("a tensor used in many places gets the sum of all their gradients")
  func manyUses() {
    expectGradientMatchesDifferences(at: x) { x in
      let y = tanh(x)
      return [y * y + x * y - x, y.sum() * x, maximum(y, x) * y]
    }
  }

  @Test("values picked in any order and often, and running sums")
  func picking() {
    expectGradientMatchesDifferences(at: x) { [$0.picking([3, 0, 3, 23, 7, 3], shape: [2, 3])] }
    for isExclusive in [false, true] {
      for isReversed in [false, true] {
        expectGradientMatchesDifferences(at: x, "\(isExclusive) \(isReversed)") {
          [$0.cumulativeSum(isExclusive: isExclusive, isReversed: isReversed)]
        }
      }
    }
  }

  @Test("functions given by their scalar forms")
  func scalarForms() {
    expectGradientMatchesDifferences(at: x) { [$0.map(derivative: { 3 * $0 * $0 }) { $0 * $0 * $0 }] }
    expectGradientMatchesDifferences(at: [x, ramp([3, 1], 1)]) { x in
      [combine(x[0], x[1], derivatives: ({ 2 * $0 * $1 }, { x, _ in x * x })) { $0 * $0 * $1 }]
    }
    let constant = valueAndGradient(at: x) { ($0.map(derivative: nil) { $0 * 2 }).sum() }.gradient
    #expect(constant == .zeros(x.shape))
  }
}
