import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("How weights start")
struct InitializerTests {
  @Test("each rule has its variance and its shape of distribution")
  func moments() {
    var generator = RandomGenerator(seed: 4)
    func check(_ tensor: Tensor, variance: Float, isUniform: Bool) {
      #expect(tensor.shape == [300, 100])
      let found = tensor.squared.mean().item
      #expect((found / variance - 1).magnitude < 0.05)
      #expect(tensor.mean().item.magnitude < 4 * (variance / 30_000).squareRoot())
      // The fourth moment over the squared variance: 9/5 evenly, 3 normal.
      let kurtosis = tensor.squared.squared.mean().item / (found * found)
      #expect((kurtosis - (isUniform ? 1.8 : 3)).magnitude < 0.2)
    }
    check(Initializer.glorotUniform(300, 100, using: &generator), variance: 2 / 400, isUniform: true)
    check(Initializer.glorotNormal(300, 100, using: &generator), variance: 2 / 400, isUniform: false)
    check(Initializer.heUniform(300, 100, using: &generator), variance: 2 / 100, isUniform: true)
    check(Initializer.heNormal(300, 100, using: &generator), variance: 2 / 100, isUniform: false)
  }

  @Test("orthogonal rows, or columns, are of the given length", arguments: [(20, 20), (7, 30), (30, 7)])
  func orthogonal(rows: Int, columns: Int) {
    var generator = RandomGenerator(seed: 5)
    let matrix = Initializer.orthogonal(rows, columns, gain: 1.5, using: &generator)
    #expect(matrix.shape == [rows, columns])
    let size = min(rows, columns)
    let product =
      rows <= columns
      ? matrix.matrixProduct(matrix, transposingOther: true) : matrix.matrixProduct(matrix, transposingSelf: true)
    let identity = Tensor((0..<size * size).map { $0 / size == $0 % size ? 2.25 : 0 }, shape: [size, size])
    expectClose(product, identity)
  }

  @Test("chrono biases are logarithms of times drawn evenly up to the longest dependence")
  func chrono() {
    var generator = RandomGenerator(seed: 6)
    let size = 4000
    let bias = Initializer.chrono(longestDependence: 101, of: LSTMCell.self, [4 * size], using: &generator)
    func block(_ gate: LSTMCell.Gate) -> [Float] {
      bias.slice(gate.rawValue * size..<(gate.rawValue + 1) * size, axis: 0).values
    }
    let times = block(.forget).map { exp($0) }
    #expect(times.allSatisfy { $0 > 0.9999 && $0 < 100.001 })
    // Mean 50.5 and variance 99² / 12.
    let mean = times.reduce(0, +) / Float(size)
    #expect((mean - 50.5).magnitude < 4 * (816.75 / Float(size)).squareRoot())
    #expect((times.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(size) - 816.75).magnitude < 50)
    #expect(block(.input) == block(.forget).map { -$0 })
    #expect((block(.candidate) + block(.output)).allSatisfy { $0 == 0 })
    let gru = Initializer.chrono(longestDependence: 50, of: GRUCell.self, [30], using: &generator).values
    #expect(gru.indices.allSatisfy { (10..<20).contains($0) ? gru[$0] > 0 : gru[$0] == 0 })
  }

  @Test(
    "with chrono biases a cell without input keeps its state about as long as it was told", arguments: [true, false])
  func memory(isLSTM: Bool) {
    func check<Cell: ForgettingCell>(_ type: Cell.Type) {
      var generator = RandomGenerator(seed: 7)
      var layer = Recurrent<Cell>(inputSize: 1, hiddenSize: 1, using: &generator)
      layer.initialize("*", using: &generator) { shape, _ in .zeros(shape) }
      layer.initialize("bias_ih*", using: &generator) { shape, generator in
        // One unit and a longest dependence of 2: b = log 1.
        Initializer.chrono(longestDependence: 2, of: Cell.self, shape, using: &generator) + Float(log(99.0))
          * Initializer.forgetBias(1, of: Cell.self, shape)
      }
      let state = layer.cell.initialState(batch: 1).mapTensors { .ones($0.shape) }
      let final = layer.scan(.zeros([1, 10, 1]), from: state).state.tensors.last!.item
      // It forgets 1 in 100 a step.
      #expect((final - pow(0.99, 10)).magnitude < 1e-4)
    }
    if isLSTM { check(LSTMCell.self) } else { check(GRUCell.self) }
    check(GRUResetBeforeCell.self)
  }

  @Test("the forget bias is that of the gate that keeps")
  func forgetBias() {
    #expect(Initializer.forgetBias(2, of: LSTMCell.self, [8]).values == [0, 0, 2, 2, 0, 0, 0, 0])
    #expect(Initializer.forgetBias(2, of: GRUCell.self, [6]).values == [0, 0, 2, 2, 0, 0])
    #expect(Initializer.forgetBias(1, of: LSTMCell.self, [12]) == LSTM(inputSize: 2, hiddenSize: 3).cell.bias)
  }

  @Test("tensors of a built model start anew by their names, the others stay")
  func byName() {
    var model = Sequential(inputSize: 3, seed: 1) {
      Stacked<LSTM>([4, 4])
      Dense(2)
    }
    let before = model
    var generator = RandomGenerator(seed: 8)
    model.initialize("*.weight_ih_l1", using: &generator) { shape, generator in
      Initializer.heNormal(shape[0], shape[1], using: &generator)
    }
    for (old, new) in zip(before.namedTensors, model.namedTensors) {
      #expect((old.tensor == new.tensor) == (new.name != "0.weight_ih_l1"), "\(new.name)")
    }
  }
}
