import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Slices, literals, extrema, and gradients by several groups")
struct TensorConvenienceTests {
  private let x = ramp([3, 4, 2], 0.2)

  @Test("ranges take a part of each axis, and keep the axes")
  func ranges() {
    let x = Tensor((0..<24).map(Float.init), shape: [2, 3, 4])
    #expect(x[0..<1] == x.slice(0..<1, axis: 0))
    #expect(x[0..., 1...2] == x.slice(1..<3, axis: 1))
    #expect(x[1..., ..<2, 3...] == Tensor([15, 19], shape: [1, 2, 1]))
    #expect(x[0..<0].shape == [0, 3, 4])
    #expect(x[2...].shape == [0, 3, 4])
    #expect(x[1, 2, 3] == 23)
    expectGradientMatchesDifferences(at: self.x) { [$0[1..., 1..<3], $0[..<2]] }
  }

  @Test("a literal is a tensor of the shape of its brackets")
  func literals() {
    let vector: Tensor = [1, 2.5, -3]
    let matrix: Tensor = [[1, 2, 3], [4, 5, 6]]
    let deep: Tensor = [[[1], [2]], [[3], [4.5]]]
    #expect(vector == Tensor([1, 2.5, -3], shape: [3]))
    #expect(matrix.shape == [2, 3] && matrix.values == [1, 2, 3, 4, 5, 6])
    #expect(deep.shape == [2, 2, 1] && deep.values == [1, 2, 3, 4.5])
    #expect(([] as Tensor).shape == [0])
  }

  @Test("the greatest and the smallest value, of all and along every axis")
  func extrema() {
    let x: Tensor = [[3, 9, 9], [4, 1, 1]]
    #expect(x.maximum() == Tensor(9) && x.minimum() == Tensor(1))
    #expect(x.maximum(axis: 0) == [4, 9, 9] && x.minimum(axis: -1) == [3, 1])
    #expect(x.minimum(axis: 0, keepingAxis: true) == [[3, 1, 1]])
    #expect(x.argmax() == [1, 0] && x.argmin() == [0, 1])
    let least = valueAndGradient(at: x) { $0.minimum() }.gradient
    #expect(least == [[0, 0, 0], [0, 1, 0]])
    expectGradientMatchesDifferences(at: self.x) { x in
      [x.maximum(), x.minimum()] + (0..<3).flatMap { [x.maximum(axis: $0), x.minimum(axis: $0, keepingAxis: true)] }
    }
  }

  @Test("an axis in reverse order")
  func flipping() {
    let x: Tensor = [[1, 2, 3], [4, 5, 6]]
    #expect(x.flipped(axis: 0) == [[4, 5, 6], [1, 2, 3]])
    #expect(x.flipped(axis: -1) == [[3, 2, 1], [6, 5, 4]])
    expectGradientMatchesDifferences(at: self.x) { x in (0..<3).map { x.flipped(axis: $0) } }
  }

  @Test("a choice between tensors of any shapes that broadcast, to the bit", arguments: [1, 15, 16, 17, 40])
  func selecting(width: Int) {
    let conditions: [Float] = [0, .nan, -1]
    let condition = Tensor((0..<3 * width).map { conditions[$0 % 3] }, shape: [3, width])
    let (yes, no) = (ramp([3, width], 0.3), ramp([width], 2))
    for (a, b) in [
      (yes, no), (Tensor(7), no), (yes, Tensor([.infinity], shape: [1, 1])), (ramp([3, 1]), Tensor(.nan)),
    ] {
      let found = select(condition, a, b)
      let (left, right) = (a.expanded(to: [3, width]), b.expanded(to: [3, width]))
      let expected = zip(condition.values, zip(left.values, right.values)).map { $0 != 0 ? $1.0 : $1.1 }
      #expect(found.shape == [3, width])
      #expect(found.values.map(\.bitPattern) == expected.map(\.bitPattern))
    }
    expectGradientMatchesDifferences(at: [yes, no]) { [select(condition, $0[0], $0[1]), select($0[0], $0[1], $0[0])] }
  }

  @Test("the gradient by several groups is that by each")
  func groups() {
    let layer = GRU(inputSize: 3, hiddenSize: 4)
    let (input, state) = (ramp([2, 5, 3], 0.1), HiddenState(hidden: ramp([2, 4], 0.7)))
    func loss(_ layer: GRU, _ input: Tensor, _ state: HiddenState) -> Tensor {
      layer.scan(input, from: state).outputs.squared.sum()
    }
    let (value, gradient) = valueAndGradient(at: layer, input, state) { loss($0, $1, $2) }
    let byLayer = valueAndGradient(at: layer) { loss($0, input, state) }
    #expect(value == byLayer.value)
    #expect(gradient.0.tensors == byLayer.gradient.tensors)
    #expect(gradient.1 == valueAndGradient(at: input) { loss(layer, $0, state) }.gradient)
    #expect(gradient.2.hidden == valueAndGradient(at: state) { loss(layer, input, $0) }.gradient.hidden)
    let two = valueAndGradient(at: input, Tensor(2), training: false) { ($0 * $1).sum() }
    #expect(two.gradient.0 == Tensor(repeating: 2, shape: [2, 5, 3]) && two.gradient.1.item == input.sum().item)
  }

  @Test("an error of the loss goes through several groups")
  func errors() {
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try valueAndGradient(at: Tensor(1), Tensor(2)) { (_: Tensor, _: Tensor) throws -> Tensor in throw Stop() }
    }
  }

  @Test(
    "tensors without values but with huge sizes are no work", arguments: [[1 << 40, 0, 3], [0, 1 << 40, 1 << 40]])
  func huge(shape: [Int]) {
    let x = Tensor.zeros(shape)
    #expect(x.count == 0 && (x + 1).shape == shape && (x * x).sum().item == 0)
    #expect(tanh(x).shape == shape && x.softmax().shape == shape && x.cumulativeSum().shape == shape)
    #expect(x.transposed([2, 0, 1]).shape == [shape[2], shape[0], shape[1]])
    #expect(x.reshaped([0]).shape == [0] && x.flipped(axis: 0).shape == shape)
    #expect(concatenate([x, x], axis: 2).shape == [shape[0], shape[1], 2 * shape[2]])
    #expect(x.slice(0..<1, axis: 2).shape == [shape[0], shape[1], 1])
    #expect(select(x, x, x).shape == shape && maximum(x, Tensor(0)).shape == shape)
    if shape[2] == 3 { #expect(x.linear(weight: .zeros([2, 3]), bias: .zeros([2])).shape == shape.dropLast() + [2]) }
    #expect(valueAndGradient(at: x) { ($0.squared + $0).sum() }.gradient.shape == shape)
    #expect("\(x)".hasPrefix("Tensor(\(shape)"))
  }
}
