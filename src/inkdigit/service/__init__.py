"""The API: a trained model as a service. Imports no Keras and no TensorFlow."""
