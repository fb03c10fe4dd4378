import Refrain

/// A layer that is several layers in Keras.
protocol KerasStack: Layer {
  /// The layers, one after another.
  var kerasLayers: [any Layer] { get }
  /// Takes the weights of such layers from the front of a list.
  mutating func take(_ layers: inout ArraySlice<any Layer>)
  /// Throws where the layers are not the whole of it.
  func checkForKeras() throws(LayerError)
}

extension Sequential: KerasStack {
  var kerasLayers: [any Layer] { layers.flatMap { ($0 as? any KerasStack)?.kerasLayers ?? [$0] } }

  mutating func take(_ others: inout ArraySlice<any Layer>) {
    for index in layers.indices {
      if var stack = layers[index] as? any KerasStack {
        stack.take(&others)
        layers[index] = stack
      } else if let layer = others.popFirst() {
        layers[index] = layer
      }
    }
  }

  func checkForKeras() throws(LayerError) {
    for layer in layers { try (layer as? any KerasStack)?.checkForKeras() }
  }
}

extension Stacked: KerasStack where Level: KerasLayer {
  var kerasLayers: [any Layer] {
    var layers: [any Layer] = []
    for (index, level) in levels.enumerated() {
      let isLast = index == levels.count - 1
      let layer = Level(
        configuration.hiddenSizes[index], returning: isLast ? configuration.returning : .everyStep,
        options: configuration.options, initial: configuration.initial)
      layers.append(layer.regularized(by: level.regularization).replacingTensors(level.tensors))
      if !isLast, configuration.dropout > 0 {
        layers.append(Dropout(configuration.dropout, mask: configuration.dropoutMask))
      }
    }
    return layers
  }

  mutating func take(_ layers: inout ArraySlice<any Layer>) {
    for index in levels.indices {
      guard let layer = layers.popFirst() else { return }
      levels[index] = levels[index].replacingTensors(layer.tensors)
      if index < levels.count - 1, configuration.dropout > 0 { layers.removeFirst() }
    }
  }

  func checkForKeras() throws(LayerError) {
    try configuration.initial.checkForKeras()
    guard configuration.connection == .direct else {
      throw LayerError("\(Self.kind): Keras has no connection '\(configuration.connection)' between recurrent layers")
    }
  }
}
