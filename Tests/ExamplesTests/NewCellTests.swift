// The cell that CONTRIBUTING.md and Guides/Cells.md show, with what is public and nothing else.
import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

/// The update gate network (Collins, Sohl-Dickstein and Sussillo 2017): one gate, between what was and what is new.
///
///     g = σ(W_g x + R_g h + b_g)         update gate
///     c = tanh(W_c x + R_c h + b_c)      candidate
///     h' = g ⊙ h + (1 − g) ⊙ c           hidden state
struct UpdateGateCell: RecurrentCell {
  static let name = "update-gate"
  static let source = "Collins, Sohl-Dickstein and Sussillo 2017"

  /// W, `[2H, I]`: gate, candidate.
  var weightInput: Tensor
  /// R, `[2H, H]`
  var weightHidden: Tensor
  /// b, `[2H]`
  var bias: Tensor

  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    weightInput = Initializer.glorotUniform(2 * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(2, hiddenSize, using: &generator)
    bias = .zeros([2 * hiddenSize])
  }

  var inputSize: Int { weightInput.shape[1] }
  var hiddenSize: Int { weightHidden.shape[1] }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
  }

  func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    let h = state.hidden
    let sums = projected + h.matrixProduct(weightHidden, transposingOther: true)
    let gate = sigmoid(sums.slice(0..<hiddenSize, axis: 1))
    let candidate = tanh(sums.slice(hiddenSize..<2 * hiddenSize, axis: 1))
    return HiddenState(hidden: gate * h + (1 - gate) * candidate)
  }
}

@Suite("A cell of one's own")
struct NewCellTests {
  @Test("It goes into every layer, in both directions, with lengths, learns, and is saved and loaded")
  func inLayers() throws {
    var generator = RandomGenerator(seed: 1)
    let x = Tensor.normal([64, 8, 2], using: &generator)
    let y = x.slice(0..<1, axis: 2).mean(axes: [1])
    let path = temporaryPath(".safetensors")
    defer { try? FileManager.default.removeItem(atPath: path) }

    var model = Sequential(inputSize: 2, seed: 1) {
      Bidirectional<UpdateGateCell>(8, returning: .everyStep)
      Recurrent<UpdateGateCell>(8)
      Dense(1)
    }
    model.compile(optimizer: Adam(learningRate: 0.01), loss: .meanSquaredError)
    let history = try model.fit(x, y, epochs: 20)
    try model.save(to: path)
    let loaded = try Sequential(contentsOf: path, layers: Layers.layers(of: UpdateGateCell.self))

    #expect(history.losses.last! < 0.3 * history.losses[0])
    let lengths = (0..<64).map { $0 % 9 }
    #expect(model(x, lengths: lengths).shape == [64, 1])
    #expect(loaded(x, lengths: lengths) == model(x, lengths: lengths))
    let error = #expect(throws: DataError.self) { try Sequential(contentsOf: path) }
    #expect(error?.description.contains("there is no layer of the kind 'bidirectional-update-gate'") == true)
  }

  @Test("Cells: what a cell is told besides its sizes")
  func options() {
    let model = Sequential(inputSize: 8, seed: 1) {
      Recurrent<ProjectedLSTMCell>(64, returning: .everyStep, options: .init(cellSize: 256))
      Recurrent<QRNNCell>(32, options: .init(window: 3))
      Dense(1)
    }
    #expect(model.namedTensors.map(\.name).contains("0.weight_hr_l0"))
    #expect(model.tensors[0].shape == [4 * 256, 8] && model.tensors[4].shape == [3 * 32, 3 * 64])
  }

  @Test("Its gradient agrees with differences")
  func gradient() {
    var generator = RandomGenerator(seed: 2)
    let x = Tensor.normal([2, 5, 3], using: &generator)
    var layer = Recurrent<UpdateGateCell>(inputSize: 3, hiddenSize: 4, using: &generator)
    let (_, gradient) = valueAndGradient(at: layer) { $0(x).squared.mean() }
    func loss(moving weight: Float) -> Float {
      var moved = layer
      moved.cell.weightHidden[5, 2] += weight
      return moved(x).squared.mean().item
    }
    let difference = (loss(moving: 1e-2) - loss(moving: -1e-2)) / 2e-2
    #expect(abs(gradient.cell.weightHidden[5, 2] - difference) < 1e-4)
    layer.cell.bias = .zeros([8])
    #expect(layer.parameterCount == 2 * 4 * (3 + 4 + 1))
  }

  @Test("Its outputs are those of the formula, one value by hand")
  func formula() {
    var generator = RandomGenerator(seed: 3)
    var cell = UpdateGateCell(inputSize: 1, hiddenSize: 1, using: &generator)
    cell.weightInput = Tensor([0.5, -1], shape: [2, 1])
    cell.weightHidden = Tensor([0.25, 2], shape: [2, 1])
    cell.bias = Tensor([0.1, 0.2])
    let state = cell(Tensor([2], shape: [1, 1]), HiddenState(hidden: Tensor([-0.4], shape: [1, 1])))
    // g = σ(1 − 0.1 + 0.1) = σ(1), c = tanh(−2 − 0.8 + 0.2) = tanh(−2.6)
    let (gate, candidate) = (1 / (1 + exp(-1.0)), tanh(-2.6))
    #expect(abs(Double(state.hidden.item) - (gate * -0.4 + (1 - gate) * candidate)) < 1e-6)
  }
}
