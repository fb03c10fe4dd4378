import Refrain
import RefrainData

extension Sequential {
  /// The layers as Keras has them, each with the shape of its input.
  ///
  /// - Throws: `inexactConversion` with every layer that Keras has not.
  fileprivate func kerasParts() throws(DataError) -> [(layer: any KerasLayer, inputShape: [Int?])] {
    var problems: [String] = []
    do throws(LayerError) { try checkForKeras() } catch { problems.append(error.description) }
    var parts: [(layer: any KerasLayer, inputShape: [Int?])] = []
    var shape = inputShape
    for layer in problems.isEmpty ? kerasLayers : layers {
      if let layer = layer as? any KerasLayer {
        parts.append((layer, shape))
      } else if !(layer is any KerasStack) {
        problems.append("there is no \(kind(of: layer))")
      }
      if let next = try? layer.outputShape(for: shape) { shape = next }
    }
    guard problems.isEmpty else { throw Self.notInKeras(problems) }
    return parts
  }

  private func kind<L: Layer>(of layer: L) -> String { L.kind }

  fileprivate static func notInKeras(_ problems: [String]) -> DataError {
    DataError(
      .inexactConversion, "the model cannot be written for Keras: \(listed(problems))",
      remedy: "leave these layers out, or save it for Refrain")
  }

  /// The arrays as a `.weights.h5` has them.
  ///
  /// - Throws: `inexactConversion` with every layer that Keras has not.
  func kerasTree() throws(DataError) -> HDF5Tree {
    var tree = HDF5Tree()
    var names = KerasNames()
    for (layer, _) in try kerasParts() {
      let name = names.next(layer.kerasClass)
      for (path, tensor) in layer.kerasArrays {
        tree.arrays["layers/\(name)/\(path)"] = NumericArray(tensor.values, shape: tensor.shape)
      }
    }
    return tree
  }

  /// Takes the arrays of a `.weights.h5`.
  ///
  /// - Throws: `inexactConversion` with every layer that Keras has not, `damagedFile` with all that does not fit; then
  ///   the model is as it was.
  mutating func takeKerasWeights(_ tree: HDF5Tree) throws(DataError) {
    let weights = KerasWeights(tree)
    var names = KerasNames()
    var layers: [any Layer] = []
    for (layer, inputShape) in try kerasParts() {
      var layer = layer
      let path = "layers/" + names.next(layer.kerasClass)
      layer.take(KerasGroup(weights: weights, path: path), inputShape: inputShape)
      layers.append(layer)
    }
    try weights.finish()
    var remaining = layers[...]
    take(&remaining)
  }
}

extension KerasFile {
  /// The model as `config.json` describes it.
  ///
  /// - Throws: `inexactConversion` with all that Keras has not.
  static func kerasConfig(of model: Sequential) throws(DataError) -> JSONValue {
    let shape = JSONValue.array(model.inputShape.map { $0.map { .init(integerLiteral: $0) } ?? .null })
    var names = KerasNames()
    var problems: [String] = []
    var layers: [JSONValue] = []
    let parts = try model.kerasParts()
    let tokens = parts.first?.layer is Embedding
    layers.append(
      kerasObject(
        "InputLayer", ["batch_shape": shape, "dtype": tokens ? "int32" : "float32", "name": "input_layer"]))
    for (layer, inputShape) in parts {
      do throws(LayerError) {
        var config = try layer.kerasConfig(for: inputShape)
        config["name"] = .string(names.next(layer.kerasClass))
        layers.append(kerasObject(layer.kerasClass, config))
      } catch {
        problems.append(error.description)
      }
    }
    guard problems.isEmpty else { throw Sequential.notInKeras(problems) }
    let config: [String: JSONValue] = [
      "name": "sequential", "trainable": true, "layers": .array(layers), "build_input_shape": shape,
    ]
    return kerasObject("Sequential", config, module: "keras")
  }
}
