// The cell that CONTRIBUTING.md adds, and that what the layers need of a cell is there.
import Refrain
import Testing

/// The minimal gated unit (Zhou, Wu, Zhang and Zhou 2016): one gate both forgets and resets.
///
///     f = σ(W_f x + R_f h + b_f)              forget gate
///     h̃ = tanh(W_h x + R_h (f ⊙ h) + b_h)     candidate
///     h' = (1 − f) ⊙ h + f ⊙ h̃                hidden state
struct MinimalGatedCell: RecurrentCell {
  static let name = "mgu"
  static let source = "Zhou, Wu, Zhang and Zhou 2016"

  /// W, `[2H, I]`: forget gate, candidate.
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
    let (size, h) = (hiddenSize, state.hidden)
    let (forgetWeight, candidateWeight) = (
      weightHidden.slice(0..<size, axis: 0), weightHidden.slice(size..<2 * size, axis: 0)
    )
    let (forgetSum, candidateSum) = (projected.slice(0..<size, axis: 1), projected.slice(size..<2 * size, axis: 1))
    let forget = sigmoid(forgetSum + h.matrixProduct(forgetWeight, transposingOther: true))
    let candidate = tanh(candidateSum + (forget * h).matrixProduct(candidateWeight, transposingOther: true))
    return HiddenState(hidden: h + forget * (candidate - h))
  }
}

@Suite("A cell of one's own")
struct NewCellTests {
  @Test("It goes into every layer, in both directions, with lengths, and learns")
  func inLayers() throws {
    var generator = RandomGenerator(seed: 1)
    let x = Tensor.normal([64, 8, 2], using: &generator)
    let y = x.slice(0..<1, axis: 2).mean(axes: [1])
    var model = Sequential(inputSize: 2, seed: 1) {
      Bidirectional<MinimalGatedCell>(8, returning: .everyStep)
      Recurrent<MinimalGatedCell>(8)
      Dense(1)
    }
    model.compile(optimizer: Adam(learningRate: 0.01), loss: .meanSquaredError)
    let history = try model.fit(x, y, epochs: 20, progress: .silent)
    #expect(history.losses.last! < 0.3 * history.losses[0])
    #expect(model(x, lengths: Array(repeating: 5, count: 64)).shape == [64, 1])
  }

  @Test("Its gradient agrees with differences")
  func gradient() {
    var generator = RandomGenerator(seed: 2)
    let x = Tensor.normal([2, 5, 3], using: &generator)
    var layer = Recurrent<MinimalGatedCell>(inputSize: 3, hiddenSize: 4, using: &generator)
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
}
