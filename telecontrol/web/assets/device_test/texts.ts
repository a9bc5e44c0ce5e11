/** The words of the device test, in French and in English. A language is added by adding its record. */

export type StepName = "browser" | "camera" | "microphone" | "speaker" | "connection";

/** Why a step did not work, each with what to do. The server knows the same list (`video/device_tests.py`). */
export type Trouble =
  | "unsupported"
  | "insecure_context"
  | "in_app_browser"
  | "refused_by_browser"
  | "refused_by_system"
  | "device_busy"
  | "no_device"
  | "no_camera"
  | "no_picture"
  | "no_microphone"
  | "microphone_silent"
  | "not_heard"
  | "socket_blocked"
  | "media_blocked"
  | "unavailable"
  | "other";

export interface Remedy {
  /** What is the matter, then the one thing to do. `{phone}` is the number to call. */
  what: string;
  do: string;
}

export interface Words {
  step: Record<StepName, string>;
  state: Record<"todo" | "current" | "good" | "bad" | "unknown", string>;
  begin: string;
  again: string;
  retry: string;
  allow: string;
  camera: { ask: string; yes: string; no: string; choose: string; skip: string; preview: string };
  microphone: { ask: string; heard: string; level: string; choose: string; skip: string };
  speaker: { ask: string; play: string; question: string; yes: string; no: string; replay: string; skip: string };
  connection: { socket: string; media: string; direct: string; relay: string; skip: string };
  copy: string;
  copied: string;
  copyByHand: string;
  /** For somebody who came by a link: the address of this page alone would not open for them elsewhere. */
  openMessageElsewhere: string;
  end: Record<"ready" | "soundOnly" | "relay" | "unfinished" | "problem", [title: string, text: string]>;
  remedy: Record<Trouble, Remedy>;
}

const fr: Words = {
  step: { browser: "Navigateur", camera: "Caméra", microphone: "Micro", speaker: "Son", connection: "Connexion" },
  state: { todo: "à faire", current: "en cours", good: "fonctionne", bad: "à régler", unknown: "non vérifié" },
  begin: "Commencer le test",
  again: "Refaire le test",
  retry: "Réessayer",
  allow: "Votre navigateur vous demande d’utiliser la caméra et le micro : touchez « Autoriser ».",
  camera: {
    ask: "Vous voyez-vous à l’image ?",
    yes: "Oui, je me vois",
    no: "Non",
    choose: "Caméra utilisée",
    skip: "Continuer sans image",
    preview: "Image de votre caméra, visible par vous seul",
  },
  microphone: {
    ask: "Dites quelques mots : la barre doit bouger.",
    heard: "On vous entend.",
    level: "Niveau de votre micro",
    choose: "Micro utilisé",
    skip: "Continuer sans micro",
  },
  speaker: {
    ask: "Montez un peu le volume, puis écoutez le son.",
    play: "Écouter le son",
    question: "Avez-vous entendu des notes ?",
    yes: "Oui",
    no: "Non",
    replay: "Écouter encore",
    skip: "Continuer quand même",
  },
  connection: {
    socket: "Nous joignons le service…",
    media: "Nous faisons passer une image et du son, comme pendant l’appel. Cela prend quelques secondes.",
    direct: "fonctionne",
    relay: "fonctionne par notre relais",
    skip: "Terminer le test",
  },
  copy: "Copier l’adresse de la page",
  copied: "Adresse copiée. Collez-la dans la barre d’adresse de votre navigateur.",
  copyByHand: "Appuyez longuement sur l’adresse pour la copier.",
  openMessageElsewhere: "Rouvrez le lien de votre message dans Safari ou Chrome : appuyez longtemps sur le lien, puis choisissez « Ouvrir dans le navigateur ».",
  end: {
    ready: ["Tout fonctionne", "Le jour du rendez-vous, prenez ce même appareil, au même endroit si possible."],
    relay: ["Tout fonctionne, par notre relais", "Votre réseau ne laisse pas passer l’image directement : elle passera par notre relais. Vous n’avez rien à faire."],
    soundOnly: ["L’appel aura le son, mais pas votre image", "Le médecin devra voir votre pièce d’identité : essayez un autre appareil, ou votre téléphone."],
    unfinished: ["Le test n’est pas complet", "Ce qui a été vérifié fonctionne. Vous pouvez refaire le test quand vous voulez."],
    problem: ["Il reste quelque chose à régler", "Suivez le conseil ci-dessous, ou appelez le {phone} : une personne vous aide. Rien de tout cela ne vous est reproché."],
  },
  remedy: {
    unsupported: { what: "Ce navigateur ne permet pas la vidéo.", do: "Mettez-le à jour, ou ouvrez cette page avec Chrome, Safari, Firefox ou Edge." },
    insecure_context: { what: "Cette adresse n’est pas sécurisée.", do: "Ouvrez le lien de votre message, qui commence par https://." },
    in_app_browser: { what: "Cette application n’a pas accès à la caméra.", do: "Ouvrez cette adresse dans Safari ou Chrome." },
    refused_by_browser: { what: "Votre navigateur refuse la caméra ou le micro à cette page.", do: "Touchez le cadenas ou le réglage à gauche de l’adresse, autorisez la caméra et le micro, puis réessayez." },
    refused_by_system: { what: "Votre appareil refuse la caméra ou le micro au navigateur.", do: "Dans les réglages de l’appareil, rubrique Confidentialité, autorisez la caméra et le micro pour ce navigateur, puis réessayez." },
    device_busy: { what: "Une autre application utilise déjà la caméra ou le micro.", do: "Fermez-la, ainsi que les autres onglets qui font de la vidéo, puis réessayez." },
    no_device: { what: "Aucune caméra et aucun micro n’ont été trouvés.", do: "Branchez-les puis réessayez, ou faites le test sur votre téléphone." },
    no_camera: { what: "Aucune caméra n’a été trouvée.", do: "Branchez-en une puis réessayez, ou faites le test sur votre téléphone." },
    no_picture: { what: "Vous ne vous voyez pas.", do: "Regardez si rien ne couvre l’objectif (cache, étui, doigt), ou choisissez une autre caméra." },
    no_microphone: { what: "Aucun micro n’a été trouvé.", do: "Branchez un casque ou un micro puis réessayez, ou faites le test sur votre téléphone." },
    microphone_silent: { what: "Votre micro ne capte aucun son.", do: "Regardez s’il est coupé sur l’appareil ou le casque, ou choisissez un autre micro." },
    not_heard: { what: "Vous n’entendez pas le son.", do: "Montez le volume et quittez le mode silencieux ; débranchez le casque ou l’enceinte s’il y en a." },
    socket_blocked: { what: "Votre réseau empêche la liaison avec notre service.", do: "Essayez un autre réseau : le Wi-Fi de la maison, ou la 4G du téléphone. Sinon, appelez le {phone}." },
    media_blocked: { what: "Votre réseau bloque l’image et le son.", do: "Essayez un autre réseau : le Wi-Fi de la maison, ou la 4G du téléphone. Sinon, appelez le {phone}." },
    unavailable: { what: "Notre service ne peut pas faire ce test en ce moment.", do: "Votre appareil n’est pas en cause. Réessayez dans quelques minutes." },
    other: { what: "La caméra ou le micro ne répond pas.", do: "Redémarrez le navigateur, puis réessayez." },
  },
};

const en: Words = {
  step: { browser: "Browser", camera: "Camera", microphone: "Microphone", speaker: "Sound", connection: "Connection" },
  state: { todo: "to do", current: "now", good: "works", bad: "to put right", unknown: "not checked" },
  begin: "Start the test",
  again: "Test again",
  retry: "Try again",
  allow: "Your browser asks to use the camera and the microphone: choose “Allow”.",
  camera: {
    ask: "Can you see yourself?",
    yes: "Yes, I see myself",
    no: "No",
    choose: "Camera in use",
    skip: "Go on without a picture",
    preview: "Picture of your camera, seen by you alone",
  },
  microphone: {
    ask: "Say a few words: the bar must move.",
    heard: "You can be heard.",
    level: "Level of your microphone",
    choose: "Microphone in use",
    skip: "Go on without a microphone",
  },
  speaker: {
    ask: "Turn the volume up a little, then listen to the sound.",
    play: "Play the sound",
    question: "Did you hear some notes?",
    yes: "Yes",
    no: "No",
    replay: "Listen again",
    skip: "Go on all the same",
  },
  connection: {
    socket: "Reaching the service…",
    media: "Sending a picture and sound through, as in the call. It takes a few seconds.",
    direct: "works",
    relay: "works through our relay",
    skip: "End the test",
  },
  copy: "Copy this page’s address",
  copied: "Address copied. Paste it into the address bar of your browser.",
  copyByHand: "Press and hold the address to copy it.",
  openMessageElsewhere: "Open the link of your message again in Safari or Chrome: press the link for a while, then choose “Open in browser”.",
  end: {
    ready: ["Everything works", "On the day, use this same device, in the same place if you can."],
    relay: ["Everything works, through our relay", "Your network does not let the picture through directly: it will go through our relay. There is nothing to do."],
    soundOnly: ["The call will have sound, but not your picture", "The doctor has to see your identity document: try another device, or your phone."],
    unfinished: ["The test is not complete", "What was checked works. You can test again whenever you like."],
    problem: ["Something is still to be put right", "Follow the advice below, or call {phone}: somebody will help. None of this is held against you."],
  },
  remedy: {
    unsupported: { what: "This browser cannot do video.", do: "Update it, or open this page with Chrome, Safari, Firefox or Edge." },
    insecure_context: { what: "This address is not secure.", do: "Open the link of your message, which starts with https://." },
    in_app_browser: { what: "This application has no access to the camera.", do: "Open this address in Safari or Chrome." },
    refused_by_browser: { what: "Your browser refuses the camera or the microphone to this page.", do: "Tap the padlock or the settings sign left of the address, allow camera and microphone, then try again." },
    refused_by_system: { what: "Your device refuses the camera or the microphone to this browser.", do: "In the device’s settings, under Privacy, allow camera and microphone for this browser, then try again." },
    device_busy: { what: "Another application is using the camera or the microphone.", do: "Close it, and other tabs that do video, then try again." },
    no_device: { what: "No camera and no microphone were found.", do: "Plug them in, then try again, or test on your phone." },
    no_camera: { what: "No camera was found.", do: "Plug one in, then try again, or test on your phone." },
    no_picture: { what: "You do not see yourself.", do: "See whether something covers the lens (a shutter, a case, a finger), or choose another camera." },
    no_microphone: { what: "No microphone was found.", do: "Plug in a headset or a microphone, then try again, or test on your phone." },
    microphone_silent: { what: "Your microphone picks up nothing.", do: "See whether it is muted on the device or the headset, or choose another microphone." },
    not_heard: { what: "You do not hear the sound.", do: "Turn the volume up and leave silent mode; unplug headphones or a speaker if there are any." },
    socket_blocked: { what: "Your network prevents the link with our service.", do: "Try another network: the Wi-Fi at home, or the phone’s 4G. Otherwise call {phone}." },
    media_blocked: { what: "Your network blocks picture and sound.", do: "Try another network: the Wi-Fi at home, or the phone’s 4G. Otherwise call {phone}." },
    unavailable: { what: "Our service cannot run this test right now.", do: "Your device is not at fault. Try again in a few minutes." },
    other: { what: "The camera or the microphone does not answer.", do: "Restart the browser, then try again." },
  },
};

export const WORDS: Record<string, Words> = { fr, en };
