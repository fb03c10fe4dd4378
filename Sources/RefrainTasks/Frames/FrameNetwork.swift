import Refrain
import RefrainData

/// The network of a ``FramePredictor`` (Shi et al. 2015): layers of convolutional long short-term memories read the
/// frames, and as many begin where those end and go on. What all of these show at a place becomes the values of its
/// square of the frame.
///
/// A frame is seen as squares of neighboring values, each a place with as many channels. The layers that go on are
/// given the last frame that was seen at each step, so that what does not move need not be remembered.
struct FrameNetwork: Module {
  var encoder: [ConvLSTM]
  var forecaster: [ConvLSTM]
  var head: Dense
  let patch: Int

  init(_ plan: FramePlan, using generator: inout RandomGenerator) {
    func stack() -> [ConvLSTM] {
      var layers: [ConvLSTM] = []
      for level in 0..<plan.layers {
        layers.append(
          ConvLSTM(
            stepShape: plan.places + [level == 0 ? plan.placeSize : plan.filters], filters: plan.filters,
            kernel: [plan.kernel, plan.kernel], returning: .everyStep, using: &generator))
      }
      return layers
    }
    encoder = stack()
    forecaster = stack()
    head = Dense(inputSize: plan.filters * plan.layers, outputSize: plan.placeSize, using: &generator)
    patch = plan.patch
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    for level in encoder.indices { try encoder[level].forEachTensor(under: "encoder.\(level)", body) }
    for level in forecaster.indices { try forecaster[level].forEachTensor(under: "forecaster.\(level)", body) }
    try head.forEachTensor(under: "head", body)
  }

  /// The logits of the frames that follow, `[B, steps, rows, columns, C]`.
  ///
  /// - Parameters:
  ///   - frames: `[B, T, rows, columns, C]`, from 0 to 1.
  ///   - steps: how many frames follow.
  ///   - layers: what is shown the layers that read.
  func logits(_ frames: Tensor, steps: Int, layers: LayerCalls = LayerCalls()) -> Tensor {
    let (rows, columns) = (frames.shape[2], frames.shape[3])
    let squares = frames.squares(patch)
    var (values, states): (Tensor, [ConvLSTM.State]) = (squares, [])
    for (level, layer) in encoder.enumerated() {
      layers.show(layer, named: "encoder.\(level)", values)
      let result = layer.scan(values)
      values = result.outputs
      states.append(result.state)
    }
    let last = squares.slice(squares.shape[1] - 1..<squares.shape[1], axis: 1)
    values = last.expanded(to: [squares.shape[0], steps] + squares.shape.dropFirst(2))
    var shown: [Tensor] = []
    for (layer, state) in zip(forecaster, states) {
      values = layer.scan(values, from: state).outputs
      shown.append(values)
    }
    let joined = shown.count == 1 ? shown[0] : concatenate(shown, axis: -1)
    return head(joined).frames(patch, rows: rows, columns: columns)
  }
}

extension Tensor {
  /// Frames `[B, T, rows, columns, C]` as squares `[B, T, rows / p, columns / p, p · p · C]`; what is missing of a
  /// square at the end is black.
  func squares(_ side: Int) -> Tensor {
    guard side > 1 else { return self }
    var frames = self
    for axis in 2...3 where shape[axis] % side != 0 {
      var missing = frames.shape
      missing[axis] = side - shape[axis] % side
      frames = concatenate([frames, .zeros(missing)], axis: axis)
    }
    let (batch, rows, columns, channels) = (shape[0] * shape[1], frames.shape[2], frames.shape[3], shape[4])
    return frames.reshaped([batch, rows / side, side, columns / side, side, channels])
      .transposed([0, 1, 3, 2, 4, 5])
      .reshaped([shape[0], shape[1], rows / side, columns / side, side * side * channels])
  }

  /// The inverse of ``squares(_:)``, of so many rows and columns.
  func frames(_ side: Int, rows: Int, columns: Int) -> Tensor {
    guard side > 1 else { return self }
    let (high, wide, channels) = (shape[2], shape[3], shape[4] / (side * side))
    let frames = reshaped([shape[0] * shape[1], high, wide, side, side, channels])
      .transposed([0, 1, 3, 2, 4, 5])
      .reshaped([shape[0], shape[1], high * side, wide * side, channels])
    return frames.slice(0..<rows, axis: 2).slice(0..<columns, axis: 3)
  }
}
